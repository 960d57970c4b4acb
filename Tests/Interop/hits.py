"""The tracking service of a running relay, by tokens made here from its key file and by sockets written here.

hits.py [PART…]; without any, all but `turn`, which takes over a minute."""

import sys

from blocking import blocklist
from console import access
from erasure import erase
from forgery import tokens
from hostile import hostile, proxies
from markup import markup
from tracker import dmz
from trouble import away, deleted, kill, locked, turn

PARTS = {part.__name__: part for part in (
    away, locked, deleted, kill, tokens, hostile, proxies, markup, blocklist, dmz, erase, access, turn)}


def main():
    names = sys.argv[1:] or [name for name in PARTS if name != "turn"]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no such part: {' '.join(unknown)}; there are {' '.join(PARTS)}")
    for name in names:
        PARTS[name]()


main()
