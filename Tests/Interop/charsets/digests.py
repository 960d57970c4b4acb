"""Digests of all that the Encoding Standard's legacy decoders make of one to four octets, for CharsetIndexTests.

    python3 digests.py FOLDER

FOLDER holds indexes.json and encodings.json of github.com/whatwg/encoding. FNV-1a of 64 bits over the UTF-8 of each text, or
FF where the standard has an error, each with FE behind it."""

import sys

from standard import Standard

MULTI = ("big5", "euc-kr", "gb18030", "euc-jp", "shift_jis")


def sequences(name):
    if name not in MULTI:
        yield from (bytes([octet]) for octet in range(0x80, 0x100))
        return
    for lead in range(0x80, 0x100):
        yield bytes([lead])
        for trail in range(0x100):
            yield bytes([lead, trail])
    if name == "euc-jp":
        yield from (bytes([0x8F, lead, trail]) for lead in range(0xA0, 0x100) for trail in range(0xA0, 0x100))
    if name == "gb18030":
        for pointer in [*range(0, 40_000), *range(180_000, 1_240_000, 97), 1_237_575, 1_237_576]:
            yield bytes([0x81 + pointer // 12_600, 0x30 + pointer // 1_260 % 10, 0x81 + pointer // 10 % 126,
                         0x30 + pointer % 10])


def digest(texts):
    value = 0xCBF29CE484222325
    for text in texts:
        for octet in (b"\xff" if text is None else text.encode("utf-8", "surrogatepass")) + b"\xfe":
            value = (value ^ octet) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def main():
    standard = Standard(sys.argv[1])
    names = [name for name, table in standard.indexes.items() if len(table) == 128]
    for name in (*MULTI, *sorted(names)):
        print(f'("{name}", 0x{digest(standard.decode(name, octets) for octets in sequences(name)):016X}),')
    # ISO-2022-JP: index jis0208 between its escapes.
    pairs = [standard.at("jis0208", lead * 94 + trail) for lead in range(94) for trail in range(94)]
    print(f'iso-2022-jp 0x{digest(pairs):016X}')
    katakana = "".join(map(chr, standard.indexes["iso-2022-jp-katakana"]))
    print("katakana", katakana)
    names = sorted(f"{label}={name}" for name, label in standard.labels())
    print(f"labels {len(names)} 0x{digest(names):016X}")


main()
