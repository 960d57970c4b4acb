"""The Encoding Standard's legacy decoders (encoding.spec.whatwg.org, sections 9 to 13), written after its text over its own
index files: what the relay's tables and decoders are compared with. Nothing of it is the relay's code.

A decoder takes octets and returns text, or None for an error; an encoder takes one character and returns octets or None."""

import json
import pathlib
import re

SOURCES = pathlib.Path(__file__).resolve().parents[3] / "Sources" / "MailMessage"
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PLACES = {"big5": "Big5", "euc-kr": "EUCKR", "gb18030": "GB18030", "jis0208": "JIS0208", "jis0212": "JIS0212"}


def committed():
    """The indexes as make-tables.py wrote them; CharsetIndexTests holds the digests that say they are the standard's."""
    indexes = {}
    for index, word in PLACES.items():
        indexes[index] = table((SOURCES / f"EncodingIndex+{word}.swift").read_text().split('"""')[1])
    names = re.split(r"^ *([\w-]+):$", (SOURCES / "SingleByteIndexes+Table.swift").read_text().split('"""')[1], flags=re.M)
    indexes.update((name, (table(text) + [None] * 128)[:128]) for name, text in zip(names[1::2], names[2::2]))
    ranges = (SOURCES / "GB18030Ranges.swift").read_text().split('"""')[1].split()
    return indexes, [[int(part, 16) for part in entry.split(":")] for entry in ranges]


def table(text):
    """The inverse of make-tables.py's coded()."""
    cells, following, value, shift, is_gap = [], 0, 0, 0, False
    for digit in map(DIGITS.index, re.sub(r"\s", "", text)):
        value |= (digit & 31) << shift
        shift += 5
        if digit >= 32:
            continue
        if is_gap:
            cells += [None] * value
            is_gap = False
        elif value == 0:
            is_gap = True
        else:
            cells.append(following + (-((value - 1) // 2) - 1 if (value - 1) % 2 else (value - 1) // 2))
            following = cells[-1] + 1
        value = shift = 0
    return cells


class Standard:
    def __init__(self, folder=None):
        """From the standard's files in a folder, or, without labels, from the committed tables."""
        if folder is None:
            self.indexes, self.ranges = committed()
            self.encodings = []
            return
        folder = pathlib.Path(folder)
        self.indexes = json.loads((folder / "indexes.json").read_text())
        self.encodings = json.loads((folder / "encodings.json").read_text())
        self.ranges = self.indexes.pop("gb18030-ranges")

    def labels(self):
        return [(e["name"].lower(), label) for group in self.encodings for e in group["encodings"]
                for label in e["labels"]]

    def at(self, index, pointer):
        table = self.indexes[index]
        value = table[pointer] if 0 <= pointer < len(table) else None
        return None if value is None else chr(value)

    def decode(self, name, octets):
        step = getattr(self, name.replace("-", "_"), None)
        if step is None:
            table = self.indexes[name]
            text = [o if o < 0x80 else table[o - 0x80] for o in octets]
            return None if None in text else "".join(map(chr, text))
        text, rest = "", bytes(octets)
        while rest:
            if rest[0] < 0x80:
                text, rest = text + chr(rest[0]), rest[1:]
                continue
            found, used = step(rest)
            if found is None:
                return None
            text, rest = text + found, rest[used:]
        return text

    def gb18030(self, octets):
        lead = octets[0]
        if lead == 0x80:
            return "\u20ac", 1
        if lead == 0xFF or len(octets) < 2:
            return None, 1
        trail = octets[1]
        if 0x30 <= trail <= 0x39:
            if len(octets) < 4 or not 0x81 <= octets[2] <= 0xFE or not 0x30 <= octets[3] <= 0x39:
                return None, 1
            pointer = ((lead - 0x81) * 10 + trail - 0x30) * 1260 + (octets[2] - 0x81) * 10 + octets[3] - 0x30
            return self.in_ranges(pointer), 4
        if not (0x40 <= trail <= 0x7E or 0x80 <= trail <= 0xFE):
            return None, 1
        return self.at("gb18030", (lead - 0x81) * 190 + trail - (0x40 if trail < 0x7F else 0x41)), 2

    gbk = gb18030

    def in_ranges(self, pointer):
        if 39419 < pointer < 189000 or pointer > 1237575:
            return None
        if pointer == 7457:
            return "\ue7c7"
        offset, start = max(entry for entry in self.ranges if entry[0] <= pointer)
        return chr(start + pointer - offset)

    def big5(self, octets):
        lead = octets[0]
        if not 0x81 <= lead <= 0xFE or len(octets) < 2:
            return None, 1
        trail = octets[1]
        if not (0x40 <= trail <= 0x7E or 0xA1 <= trail <= 0xFE):
            return None, 1
        pointer = (lead - 0x81) * 157 + trail - (0x40 if trail < 0x7F else 0x62)
        two = {1133: "\xca\u0304", 1135: "\xca\u030c", 1164: "\xea\u0304", 1166: "\xea\u030c"}
        return two.get(pointer) or self.at("big5", pointer), 2

    def euc_kr(self, octets):
        lead = octets[0]
        if not 0x81 <= lead <= 0xFE or len(octets) < 2 or not 0x41 <= octets[1] <= 0xFE:
            return None, 1
        return self.at("euc-kr", (lead - 0x81) * 190 + octets[1] - 0x41), 2

    def shift_jis(self, octets):
        lead = octets[0]
        if lead == 0x80:
            return "\x80", 1
        if 0xA1 <= lead <= 0xDF:
            return chr(0xFF61 - 0xA1 + lead), 1
        if not (0x81 <= lead <= 0x9F or 0xE0 <= lead <= 0xFC) or len(octets) < 2:
            return None, 1
        trail = octets[1]
        if not (0x40 <= trail <= 0x7E or 0x80 <= trail <= 0xFC):
            return None, 1
        pointer = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 188 + trail - (0x40 if trail < 0x7F else 0x41)
        if 8836 <= pointer <= 10715:
            return chr(0xE000 - 8836 + pointer), 2
        return self.at("jis0208", pointer), 2

    def euc_jp(self, octets):
        lead = octets[0]
        if len(octets) < 2:
            return None, 1
        if lead == 0x8E:
            return (chr(0xFF61 - 0xA1 + octets[1]) if 0xA1 <= octets[1] <= 0xDF else None), 2
        three = lead == 0x8F
        if three:
            octets = octets[1:]
        if len(octets) < 2 or not all(0xA1 <= octet <= 0xFE for octet in octets[:2]):
            return None, 1
        pointer = (octets[0] - 0xA1) * 94 + octets[1] - 0xA1
        return self.at("jis0212" if three else "jis0208", pointer), 3 if three else 2
