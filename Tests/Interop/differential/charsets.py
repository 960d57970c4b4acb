"""What a browser makes of a part's bytes: transfer encodings by RFC 2045, labels by the WHATWG Encoding Standard."""

import base64
import codecs
import re

import webencodings

ASCII_LABELS = {"us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"}
# Labels that the WHATWG table has not or reads otherwise in web pages than mail does (RFC 2152, RFC 1557).
MAIL_ENCODINGS = {"utf-7": "utf-7", "unicode-1-1-utf-7": "utf-7", "iso-2022-kr": "iso-2022-kr"}
WINDOWS_ENCODINGS = {"cp936": "gbk", "ms936": "gbk", "cp932": "shift_jis"}
# Python's codec for each encoding of the standard where the obvious name is a smaller set.
CODECS = {"gbk": "gb18030", "big5": "big5hkscs", "euc-kr": "cp949", "shift_jis": "cp932",
          "iso-2022-jp": "iso2022_jp_ext", "windows-874": "cp874", "macintosh": "mac_roman",
          "iso-8859-8-i": "iso8859_8", "x-mac-cyrillic": "mac_cyrillic"}
JAPANESE = {"euc-jp", "shift_jis", "iso-2022-jp"}
# Queries of these documents are UTF-8; so are those of "replacement", which the standard takes ISO-2022-KR for.
UNICODE = {"utf-8", "utf-16le", "utf-16be", "utf-7", "iso-2022-kr"}
# Octets below 0x80 always mean themselves (section 3: "where the charset is an ASCII superset").
NOT_ASCII_SUPERSETS = {"gbk", "gb18030", "big5", "shift_jis", "euc-kr", "iso-2022-jp", "iso-2022-kr", "utf-16le",
                       "utf-16be", "utf-7"}
# Pairs that Japanese tables map to different characters for one code; the WHATWG index has the second one, Python the
# first in some codecs.
PAIRS = ("\u301c\u2016\u2212\u00a2\u00a3\u00ac\u2014\u00a6\u203e\u00a5",
         "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2\u2015\uffe4~\\")
FOLDED = str.maketrans(*PAIRS)
UNFOLDED = str.maketrans(PAIRS[1][:-2], PAIRS[0][:-2])
# The five holes of Python's table are C1 controls in the WHATWG index.
HOLES = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def escape_octet(error):
    """An octet that cannot be decoded becomes a lone surrogate; unlike "surrogateescape", one at a time and any."""
    octet = error.object[error.start]
    return chr((0xDC00 if octet >= 0x80 else 0) + octet), error.start + 1


codecs.register_error("escape-octet", escape_octet)


def encoding(label):
    """The standard's name for a label as a browser reads it; None for labels nobody knows."""
    word = re.split(r"[ \t]", label.strip(" \t").lower(), maxsplit=1)[0]
    if word in MAIL_ENCODINGS:
        return MAIL_ENCODINGS[word]
    found = webencodings.lookup(word)
    if found is None or found.name in ("x-user-defined", "replacement"):
        return WINDOWS_ENCODINGS.get(word)
    return found.name


def decode_windows1252(octets):
    return "".join(chr(octet) if octet in HOLES else bytes([octet]).decode("cp1252") for octet in octets)


def decode(octets, name, errors="strict"):
    """A byte order mark wins over the label (WHATWG Encoding, "decode")."""
    if octets.startswith(b"\xef\xbb\xbf"):
        return octets[3:].decode("utf-8", errors)
    if name.startswith("utf-16"):
        if octets[:2] in (b"\xfe\xff", b"\xff\xfe"):
            return octets[2:].decode("utf-16-be" if octets[0] == 0xFE else "utf-16-le", errors)
    if name == "windows-1252":
        return decode_windows1252(octets)
    return octets.decode(CODECS.get(name, name), errors)


# MARK: Queries

def encoded(text, name):
    """The text as the standard's encoders write it (WHATWG Encoding, "encode"); None where they cannot."""
    # JIS X 0212 is decoded only.
    codec = "iso2022_jp" if name == "iso-2022-jp" else CODECS.get(name, name)
    try:
        if name == "windows-1252":
            return b"".join(bytes([ord(c)]) if ord(c) in HOLES else c.encode("cp1252") for c in text)
        pieces = [c.encode(codec) for c in text]
        octets = text.encode(codec)
    except UnicodeEncodeError:
        return None
    if name == "gbk":
        # No four octets, and one for the euro sign.
        pieces = [b"\x80" if c == "\u20ac" else piece for c, piece in zip(text, pieces)]
        return None if any(len(piece) > 2 for piece in pieces) else b"".join(pieces)
    if name == "big5" and any(len(piece) > 2 or len(piece) == 2 and piece[0] < 0xA1 for piece in pieces):
        # Hong Kong's additions are decoded only.
        return None
    if name == "euc-jp" and any(len(piece) > 2 for piece in pieces):
        return None
    return octets


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


def requested_urls(url, name):
    """What a browser requests for a URL of a document in an encoding: several texts where Japanese tables differ."""
    front, query, rest = split_url(url)
    if name is None or name in UNICODE or query.isascii():
        return {url}
    variants = [query]
    if name in JAPANESE:
        variants += [query.translate(FOLDED), query.translate(UNFOLDED)]
    answers = [encoded(variant, name) for variant in variants]
    urls = {front + percent_encoded(answer) + rest for answer in answers if answer is not None}
    return urls or {url}


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
    """RFC 2045 section 6.8: what is not in the alphabet is skipped. A block behind another one's padding is read on, as
    the relay does and says (binascii stops there)."""
    result = []
    for block in re.sub(rb"[^A-Za-z0-9+/=]", b"", body).split(b"="):
        block = block[:-1] if len(block) % 4 == 1 else block
        result.append(base64.b64decode(block + b"=" * (-len(block) % 4)))
    return b"".join(result)


def decode_transfer(body, encoding):
    if encoding == "quoted-printable":
        return decode_quoted_printable(body)
    if encoding == "base64":
        return decode_base64(body)
    return body if encoding in ("", "7bit", "8bit", "binary") else None
