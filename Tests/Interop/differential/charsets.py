"""What a browser makes of a part's bytes: transfer encodings by RFC 2045, charsets by the WHATWG Encoding Standard: its
decoders as ../charsets has them, its encoders below."""

import base64
import pathlib
import re
import sys

import webencodings

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "charsets"))
from standard import Standard

STANDARD = Standard()
ASCII_LABELS = {"us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"}
# Labels that the WHATWG table has not or reads otherwise in web pages than mail does (RFC 2152, RFC 1557).
MAIL_ENCODINGS = {"utf-7": "utf-7", "unicode-1-1-utf-7": "utf-7", "iso-2022-kr": "iso-2022-kr"}
WINDOWS_ENCODINGS = {"cp936": "gbk", "ms936": "gbk", "cp932": "shift_jis"}
# Queries of these documents are UTF-8; so are those of "replacement", which the standard takes ISO-2022-KR for.
UNICODE = {"utf-8", "utf-16le", "utf-16be", "utf-7", "iso-2022-kr"}
# Octets below 0x80 always mean themselves (section 3: "where the charset is an ASCII superset").
NOT_ASCII_SUPERSETS = {"gbk", "gb18030", "big5", "shift_jis", "euc-kr", "iso-2022-jp", "iso-2022-kr", "utf-16le",
                       "utf-16be", "utf-7"}


def encoding(label):
    """The standard's name for a label as a browser reads it; None for labels nobody knows."""
    word = re.split(r"[ \t]", label.strip(" \t").lower(), maxsplit=1)[0]
    if word in MAIL_ENCODINGS:
        return MAIL_ENCODINGS[word]
    found = webencodings.lookup(word)
    if found is None or found.name in ("x-user-defined", "replacement"):
        return WINDOWS_ENCODINGS.get(word)
    return found.name


def decode(octets, name, escapes=False):
    """The text; UnicodeDecodeError where there is none, or, with `escapes`, a lone surrogate for each octet of what is
    none. A byte order mark wins over the label (WHATWG Encoding, "decode")."""
    if octets.startswith(b"\xef\xbb\xbf"):
        octets, name = octets[3:], "utf-8"
    elif name.startswith("utf-16") and octets[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return octets[2:].decode("utf-16-be" if octets[0] == 0xFE else "utf-16-le")
    if name == "utf-8":
        return octets.decode("utf-8", "surrogateescape" if escapes else "strict")
    if name in UNICODE:
        return octets.decode(name)
    return decode_iso2022jp(octets) if name == "iso-2022-jp" else decode_legacy(octets, name, escapes)


def decode_legacy(octets, name, escapes):
    name = {"iso-8859-8-i": "iso-8859-8"}.get(name, name)
    table = STANDARD.indexes.get(name)
    step = getattr(STANDARD, name.replace("-", "_"), None)
    text, place = [], 0
    while place < len(octets):
        octet, used = octets[place], 1
        if octet < 0x80:
            found = chr(octet)
        elif step:
            found, used = step(octets[place:place + 4])
        else:
            found = None if table[octet - 0x80] is None else chr(table[octet - 0x80])
        if found is None:
            if not escapes:
                raise UnicodeDecodeError(name, octets, place, place + 1, "not in the standard's index")
            found, used = chr(0xDC00 + octet), 1
        text.append(found)
        place += used
    return "".join(text)


ESCAPES = {b"\x1b(B": "ascii", b"\x1b(J": "roman", b"\x1b(I": "katakana", b"\x1b$@": "pairs", b"\x1b$B": "pairs"}


def decode_iso2022jp(octets):
    """WHATWG Encoding section 12.2.1; an escape sequence directly behind another one is an error."""
    text, place, state, is_fresh = [], 0, "ascii", False

    def fail():
        raise UnicodeDecodeError("iso-2022-jp", octets, place, place + 1, "no ISO-2022-JP")
    while place < len(octets):
        octet, following = octets[place], ESCAPES.get(octets[place:place + 3])
        if following:
            if is_fresh:
                fail()
            state, is_fresh, place = following, True, place + 3
            continue
        used = 2 if state == "pairs" and 0x21 <= octet <= 0x7E else 1
        if used == 2:
            trail = octets[place + 1] if place + 1 < len(octets) else 0
            found = STANDARD.at("jis0208", (octet - 0x21) * 94 + trail - 0x21) if 0x21 <= trail <= 0x7E else None
        elif state == "katakana":
            found = chr(0xFF61 - 0x21 + octet) if 0x21 <= octet <= 0x5F else None
        elif state == "pairs" or octet in (0x0E, 0x0F, 0x1B) or octet >= 0x80:
            found = None
        else:
            found = {0x5C: "\u00a5", 0x7E: "\u203e"}.get(octet, chr(octet)) if state == "roman" else chr(octet)
        if found is None:
            fail()
        text.append(found)
        is_fresh = False
        place += used
    return "".join(text)


# MARK: Queries

def pointers(index, excluded=range(0), lasts=()):
    """By character: the first pointer, or the last one."""
    result = {}
    for pointer, code_point in enumerate(STANDARD.indexes[index]):
        if code_point is not None and pointer not in excluded:
            if chr(code_point) in lasts or chr(code_point) not in result:
                result[chr(code_point)] = pointer
    return result


JIS0208 = pointers("jis0208")
SHIFT_JIS = pointers("jis0208", range(8272, 8836))
# Hong Kong's additions are decoded only.
BIG5 = pointers("big5", range((0xA1 - 0x81) * 157), "\u2550\u255e\u2561\u256a\u5341\u5345")
EUC_KR, GB18030 = pointers("euc-kr"), pointers("gb18030")
# Index ISO-2022-JP katakana: U+FF61 to U+FF9F as full-width characters.
KATAKANA = dict(zip(map(chr, range(0xFF61, 0xFFA0)), (
    "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜")))


def encode_character(char, name):
    """The octets of a character above ASCII (WHATWG Encoding, the encoders of sections 9 to 13); None where there are
    none. ISO-2022-JP's stand between its escape sequences."""
    point = ord(char)
    if name in ("gbk", "gb18030"):
        if name == "gbk" and char == "\u20ac":
            return b"\x80"
        if (pointer := GB18030.get(char)) is not None and char != "\ue5e5":
            lead, trail = divmod(pointer, 190)
            return bytes([lead + 0x81, trail + (0x40 if trail < 0x3F else 0x41)])
        return None if name == "gbk" or char == "\ue5e5" else encode_four(point)
    if name == "big5" or name == "euc-kr":
        if (pointer := (BIG5 if name == "big5" else EUC_KR).get(char)) is None:
            return None
        lead, trail = divmod(pointer, 157 if name == "big5" else 190)
        offset = 0x41 if name == "euc-kr" else 0x40 if trail < 0x3F else 0x62
        return bytes([lead + 0x81, trail + offset])
    if name in ("shift_jis", "euc-jp", "iso-2022-jp"):
        return encode_japanese("\uff0d" if char == "\u2212" else char, name)
    table = STANDARD.indexes["iso-8859-8" if name == "iso-8859-8-i" else name]
    return bytes([table.index(point) + 0x80]) if point in table else None


def encode_four(point):
    if point == 0xE7C7:
        pointer = 7457
    else:
        offset, start = max((entry for entry in STANDARD.ranges if entry[1] <= point), key=lambda entry: entry[1])
        pointer = offset + point - start
    return bytes([pointer // 12_600 + 0x81, pointer // 1_260 % 10 + 0x30, pointer // 10 % 126 + 0x81,
                  pointer % 10 + 0x30])


def encode_japanese(char, name):
    point = ord(char)
    if name == "iso-2022-jp":
        pointer = JIS0208.get(KATAKANA.get(char, char))
        return None if pointer is None else bytes([pointer // 94 + 0x21, pointer % 94 + 0x21])
    if char in "\u00a5\u203e":
        return b"\x5c" if char == "\u00a5" else b"\x7e"
    if 0xFF61 <= point <= 0xFF9F:
        return (b"\x8e" if name == "euc-jp" else b"") + bytes([point - 0xFF61 + 0xA1])
    if name == "euc-jp":
        pointer = JIS0208.get(char)
        return None if pointer is None else bytes([pointer // 94 + 0xA1, pointer % 94 + 0xA1])
    if char == "\x80":
        return b"\x80"
    if (pointer := SHIFT_JIS.get(char)) is None:
        return None
    lead, trail = divmod(pointer, 188)
    return bytes([lead + (0x81 if lead < 0x1F else 0xC1), trail + (0x40 if trail < 0x3F else 0x41)])


def encoded(query, name):
    """WHATWG URL, "percent-encode after encoding": what the charset has not becomes a reference."""
    result, state = "", "ascii"

    def enter(other):
        nonlocal result, state
        if state != other and name == "iso-2022-jp":
            result += percent_encoded({"ascii": b"\x1b(B", "roman": b"\x1b(J", "pairs": b"\x1b$B"}[other])
            state = other
    for char in query:
        if char in "\u00a5\u203e" and name == "iso-2022-jp":
            enter("roman")
            octets = b"\x5c" if char == "\u00a5" else b"\x7e"
        elif char < "\x80":
            if state != "roman" or char in "\\~":
                enter("ascii")
            octets = char.encode()
        else:
            octets = encode_character(char, name)
            enter("ascii" if octets is None and state == "pairs" else state if octets is None else "pairs")
        result += f"%26%23{ord(char)}%3B" if octets is None else char if char < "\x80" else percent_encoded(octets)
    enter("ascii")
    return result


def percent_encoded(octets):
    """The special-query percent-encode set (WHATWG URL, section 1.3)."""
    return "".join(f"%{o:02X}" if o <= 0x20 or o >= 0x7F or o in b"\"#<>'" else chr(o) for o in octets)


def split_url(url):
    """The URL up to the query's `?`, the query, and the rest from the fragment's `#` on."""
    return re.fullmatch(r"([^?#]*\??)([^#]*)(.*)", url, re.S).groups()


def canonical(url):
    """The URL with the ASCII of its query as a browser sends it, whoever had to write it so."""
    front, query, rest = split_url(url)
    return front + re.sub(r"[\x00-\x20\"<>'\x7f]", lambda found: f"%{ord(found[0]):02X}", query) + rest


def requested_url(url, name):
    """What a browser requests for a URL of a document in an encoding (WHATWG URL, query state)."""
    front, query, rest = split_url(url)
    if name is None or name in UNICODE or query.isascii():
        return url
    return front + encoded(query, name) + rest


# MARK: Transfer encodings

def decode_quoted_printable(body):
    """RFC 2045 section 6.7. Not binascii's reader, which keeps blanks at line ends against rule 3."""
    lines = re.split(rb"(\r?\n)", body)
    result = []
    for text, end in zip(lines[::2], lines[1::2] + [b""]):
        text = text.rstrip(b" \t")
        soft = text.endswith(b"=")
        text = text[:-1] if soft else text
        result.append(re.sub(rb"=([0-9A-Fa-f]{2})", lambda found: bytes.fromhex(found[1].decode()), text))
        result.append(b"" if soft else end)
    return b"".join(result)


def decode_base64(body):
    """RFC 2045 section 6.8, as the most lenient reader has it: what is not in the alphabet is skipped, and a block behind
    another one's padding is read on (binascii stops there)."""
    result = []
    for block in re.sub(rb"[^A-Za-z0-9+/=]", b"", body).split(b"="):
        block = block[:-1] if len(block) % 4 == 1 else block
        result.append(base64.b64decode(block + b"=" * (-len(block) % 4)))
    return b"".join(result)


def is_doubtful(body, encoding):
    """Whether readers disagree on what base64 holds: octets outside the alphabet, something behind the padding, a group
    of one character. Such a part is never rewritten."""
    text = re.sub(rb"[ \t\r\n]", b"", body)
    return encoding == "base64" and (
        not re.fullmatch(rb"[A-Za-z0-9+/]*=*", text) or len(text.rstrip(b"=")) % 4 == 1)


def decode_transfer(body, encoding):
    if encoding == "quoted-printable":
        return decode_quoted_printable(body)
    if encoding == "base64":
        return decode_base64(body)
    if encoding in ("", "7bit", "8bit", "binary"):
        return body
    # A label that nobody obeys over what every reader takes for ASCII hides nothing.
    return None if FOREIGN.search(encoding) or re.search(rb"[^\x20-\x7e\t\n\r\f]|~[{}~\r\n]", body) else body


# Labels of an encoding that some reader undoes.
FOREIGN = re.compile("64|uu|quot|print|qp|hex|zip|gz|enc|base|compress|deflate|rot")
