"""Dialogues from the field, each with the replies and the mail that are right.

field.py [PART…]; without any, all."""

import sys

from addresses import addresses
from copies import blind, copies
from greetings import greetings
from halfclosed import halfclosed
from logins import guesses, logins
from smtputf8 import smtputf8
from tagged import tagged
from transactions import transactions

PARTS = {part.__name__: part for part in (
    greetings, addresses, logins, guesses, smtputf8, halfclosed, transactions, copies, blind, tagged)}


def main():
    unknown = [name for name in sys.argv[1:] if name not in PARTS]
    if unknown:
        sys.exit(f"no such part: {' '.join(unknown)}; there are {' '.join(PARTS)}")
    for name in sys.argv[1:] or PARTS:
        print(f"{name}:", flush=True)
        PARTS[name]()


main()
