// iconv is part of glibc: nothing to link.
#include <errno.h>
#include <iconv.h>
