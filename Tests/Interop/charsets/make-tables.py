"""Writes the tables of Sources/MailMessage from the Encoding Standard's indexes.

    python3 make-tables.py FOLDER

FOLDER holds indexes.json of github.com/whatwg/encoding. Code points are written as differences from the one behind the last,
in base-32 digits whose sixth bit says that another one follows: see EncodingIndex."""

import re
import sys
import textwrap

from standard import DIGITS, PLACES, SOURCES, Standard


def number(value):
    text = ""
    while value >= 32:
        text += DIGITS[value & 31 | 32]
        value >>= 5
    return text + DIGITS[value]


def coded(cells):
    text, following, gap = [], 0, 0
    for cell in cells:
        if cell is None:
            gap += 1
            continue
        if gap:
            text.append(number(0) + number(gap))
        difference = cell - following
        text.append(number((2 * difference if difference >= 0 else -2 * difference - 1) + 1))
        following, gap = cell + 1, 0
    return "".join(text)


def lines(text, indent):
    return textwrap.indent("\n".join(textwrap.wrap(text, 120 - indent)), " " * indent)


def main():
    standard = Standard(sys.argv[1])
    for index, word in PLACES.items():
        (SOURCES / f"EncodingIndex+{word}.swift").write_text(
            f"// Index {index} of the Encoding Standard (§5), written by Tests/Interop/charsets/make-tables.py.\n"
            "extension EncodingIndex {\n"
            f'    static let {word[0].lower() + word[1:] if word == "Big5" else word.lower()}Table: StaticString = """\n'
            + lines(coded(standard.indexes[index]), 8) + '\n        """\n}\n')
    single = sorted((name for name, table in standard.indexes.items() if len(table) == 128),
                    key=lambda name: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)])
    (SOURCES / "SingleByteIndexes+Table.swift").write_text(
        "// The single-byte indexes of the Encoding Standard (§9), written by Tests/Interop/charsets/make-tables.py:\n"
        "// a name, and the code points of 0x80 to 0xFF as EncodingIndex has them.\n"
        "extension SingleByteIndexes {\n    static let table = \"\"\"\n"
        + "\n".join(f"        {name}:\n" + lines(coded(standard.indexes[name]), 8) for name in single)
        + '\n        """\n}\n')


main()
