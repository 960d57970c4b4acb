/* Preloaded into the relay: writes down each operation on the files below POWERCUT_DIRECTORY, with its octets, and each
   250 behind a message, in the order in which they took effect (one lock). POWERCUT_FULL_EACH=n: each n-th write to a
   segment or spill writes half and fails with ENOSPC. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_MAX];
static size_t root_length;
static int out = -1;
static long full_each, content_writes;
static unsigned char tracked[DESCRIPTORS], is_content[DESCRIPTORS];

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static void put(const void *bytes, size_t count) {
    static ssize_t (*plain)(int, const void *, size_t);
    if (!plain) plain = real("write");
    for (const char *next = bytes; count > 0;) {
        ssize_t done = plain(out, next, count);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) abort();
        next += done;
        count -= done;
    }
}

/* kind, descriptor, number, two strings or octets with their lengths */
static void record(char kind, int fd, int64_t number, const void *first, size_t first_count, const void *second,
                   size_t second_count) {
    struct __attribute__((packed)) {
        char kind;
        int32_t fd;
        int64_t number;
        uint32_t first, second;
    } head = {kind, fd, number, first_count, second_count};
    int kept = errno;
    put(&head, sizeof head);
    put(first, first_count);
    put(second, second_count);
    errno = kept;
}

__attribute__((constructor)) static void begin(void) {
    const char *directory = getenv("POWERCUT_DIRECTORY"), *path = getenv("POWERCUT_LOG");
    if (!directory || !path) return;
    root_length = strlen(directory);
    if (root_length >= sizeof root) abort();
    strcpy(root, directory);
    const char *each = getenv("POWERCUT_FULL_EACH");
    full_each = each ? atol(each) : 0;
    out = REAL(open)(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) abort();
}

/* The root is the parent of the data directory: its entries matter, too. */
static int is_ours(const char *path) {
    return out >= 0 && path && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int follows(int fd) { return out >= 0 && fd >= 0 && fd < DESCRIPTORS && tracked[fd]; }

static int opened(const char *path, int flags, mode_t mode) {
    static int (*plain)(const char *, int, ...);
    if (!plain) plain = real("open");
    if (!is_ours(path)) return plain(path, flags, mode);
    pthread_mutex_lock(&lock);
    int was = access(path, F_OK) == 0;
    int fd = plain(path, flags, mode);
    if (fd >= 0 && fd < DESCRIPTORS) {
        tracked[fd] = 1;
        is_content[fd] = strstr(path, ".segment") || strstr(path, ".spill");
        record('o', fd, (was ? 0 : 1) | (flags & O_TRUNC ? 2 : 0), path, strlen(path), "", 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                   \
    int name(const char *path, int flags, ...) {     \
        mode_t mode = 0;                             \
        if (flags & (O_CREAT | O_TMPFILE)) {         \
            va_list list;                            \
            va_start(list, flags);                   \
            mode = va_arg(list, mode_t);             \
            va_end(list);                            \
        }                                            \
        return opened(path, flags, mode);            \
    }
OPEN(open)
OPEN(open64)

int openat(int base, const char *path, int flags, ...) {
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list list;
        va_start(list, flags);
        mode = va_arg(list, mode_t);
        va_end(list);
    }
    if (is_ours(path)) return opened(path, flags, mode);
    return REAL(openat)(base, path, flags, mode);
}

int close(int fd) {
    static int (*plain)(int);
    if (!plain) plain = real("close");
    if (!follows(fd)) return plain(fd);
    pthread_mutex_lock(&lock);
    tracked[fd] = 0;
    record('c', fd, 0, "", 0, "", 0);
    int result = plain(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

/* Holes read as zeros; what they were made of must not be needed any more. */
int fallocate(int fd, int mode, off_t offset, off_t count) {
    static int (*plain)(int, int, off_t, off_t);
    static const char zeros[1 << 16];
    if (!plain) plain = real("fallocate");
    if (!follows(fd)) return plain(fd, mode, offset, count);
    pthread_mutex_lock(&lock);
    int result = plain(fd, mode, offset, count);
    for (off_t done = 0; !result && done < count;) {
        size_t piece = count - done < (off_t)sizeof zeros ? (size_t)(count - done) : sizeof zeros;
        record('w', fd, offset + done, zeros, piece, "", 0);
        done += piece;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static ssize_t written(int fd, const void *bytes, size_t count, off64_t offset) {
    static ssize_t (*plain)(int, const void *, size_t, off64_t);
    if (!plain) plain = real("pwrite64");
    pthread_mutex_lock(&lock);
    int is_full = full_each && is_content[fd] && ++content_writes % full_each == 0;
    if (is_full) count /= 2;
    ssize_t done = plain(fd, bytes, count, offset);
    if (done > 0) record('w', fd, offset, bytes, done, "", 0);
    pthread_mutex_unlock(&lock);
    if (!is_full) return done;
    errno = ENOSPC;
    return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return follows(fd) ? written(fd, bytes, count, offset) : REAL(pwrite)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return follows(fd) ? written(fd, bytes, count, offset) : REAL(pwrite64)(fd, bytes, count, offset);
}

/* What is said to clients, and what upstreams say. */
static void look(const void *bytes, size_t count, const char *words, char kind) {
    const char *next = bytes, *end = next + count;
    size_t length = strlen(words);
    while (next && next < end && (next = memmem(next, end - next, words, length))) {
        const char *stop = memchr(next, '\r', end - next);
        record(kind, -1, 0, next + length, (stop ? stop : end) - next - length, "", 0);
        next = stop;
    }
}

static void answered(const void *bytes, size_t count) {
    if (out < 0) return;
    pthread_mutex_lock(&lock);
    look(bytes, count, "250 2.0.0 Ok: queued as ", 'a');
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*plain)(int, const void *, size_t);
    if (!plain) plain = real("write");
    if (!follows(fd)) {
        answered(bytes, count);
        return plain(fd, bytes, count);
    }
    pthread_mutex_lock(&lock);
    off64_t offset = lseek64(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    ssize_t done = plain(fd, bytes, count);
    if (done > 0) record('w', fd, offset, bytes, done, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    for (int i = 0; i < count; i++) answered(pieces[i].iov_base, pieces[i].iov_len);
    if (follows(fd)) abort();
    return REAL(writev)(fd, pieces, count);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    answered(bytes, count);
    return REAL(send)(fd, bytes, count, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    for (size_t i = 0; i < message->msg_iovlen; i++)
        answered(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
    return REAL(sendmsg)(fd, message, flags);
}

static ssize_t received(ssize_t count, const void *bytes) {
    if (out < 0 || count <= 0) return count;
    int kept = errno;
    pthread_mutex_lock(&lock);
    look(bytes, count, "250 2.0.0 taken as ", 'd');
    pthread_mutex_unlock(&lock);
    errno = kept;
    return count;
}

ssize_t read(int fd, void *bytes, size_t count) {
    static ssize_t (*plain)(int, void *, size_t);
    if (!plain) plain = real("read");
    ssize_t done = plain(fd, bytes, count);
    return follows(fd) ? done : received(done, bytes);
}

ssize_t recv(int fd, void *bytes, size_t count, int flags) {
    return received(REAL(recv)(fd, bytes, count, flags), bytes);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    ssize_t done = REAL(recvmsg)(fd, message, flags);
    if (done > 0 && message->msg_iovlen == 1) received(done, message->msg_iov[0].iov_base);
    return done;
}

static int synced(int (*plain)(int), int fd) {
    if (!follows(fd)) return plain(fd);
    pthread_mutex_lock(&lock);
    int result = plain(fd);
    if (result == 0) record('s', fd, 0, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) { return synced(REAL(fsync), fd); }
int fdatasync(int fd) { return synced(REAL(fdatasync), fd); }

static int cut(int (*plain)(int, off64_t), int fd, off64_t size) {
    if (!follows(fd)) return plain(fd, size);
    pthread_mutex_lock(&lock);
    int result = plain(fd, size);
    if (result == 0) record('t', fd, size, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t size) { return cut((int (*)(int, off64_t))REAL(ftruncate64), fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(REAL(ftruncate64), fd, size); }

int rename(const char *from, const char *to) {
    if (!is_ours(from)) return REAL(rename)(from, to);
    pthread_mutex_lock(&lock);
    int result = REAL(rename)(from, to);
    if (result == 0) record('r', -1, 0, from, strlen(from), to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}

int link(const char *from, const char *to) {
    if (!is_ours(from)) return REAL(link)(from, to);
    pthread_mutex_lock(&lock);
    int result = REAL(link)(from, to);
    if (result == 0) record('l', -1, 0, from, strlen(from), to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}

static int removed(int (*plain)(const char *), const char *path) {
    if (!is_ours(path)) return plain(path);
    pthread_mutex_lock(&lock);
    int result = plain(path);
    if (result == 0) record('u', -1, 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) { return removed(REAL(unlink), path); }
int remove(const char *path) { return removed(REAL(remove), path); }

int mkdir(const char *path, mode_t mode) {
    if (!is_ours(path)) return REAL(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    int result = REAL(mkdir)(path, mode);
    if (result == 0) record('m', -1, 0, path, strlen(path), "", 0);
    pthread_mutex_unlock(&lock);
    return result;
}
