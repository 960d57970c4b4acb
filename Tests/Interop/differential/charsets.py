"""What a browser makes of a part's bytes: transfer encodings by RFC 2045, labels by the WHATWG Encoding Standard."""

import base64
import re

import webencodings

ASCII_LABELS = {"us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"}
# Labels that the WHATWG table has not or reads otherwise in web pages than mail does (RFC 2152, RFC 1557).
MAIL_CODECS = {"utf-7": "utf-7", "unicode-1-1-utf-7": "utf-7", "iso-2022-kr": "iso2022_kr"}
# Python's codec for each encoding of the standard where the obvious name is a smaller set.
CODECS = {"gbk": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs", "euc-kr": "cp949", "shift_jis": "cp932",
          "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp_ext", "windows-874": "cp874", "macintosh": "mac_roman",
          "iso-8859-8-i": "iso8859_8", "x-mac-cyrillic": "mac_cyrillic"}
JAPANESE = {"euc_jp", "cp932", "iso2022_jp_ext"}
# Pairs that Japanese tables map to different characters for one code; the WHATWG index has the second one, Python the
# first in some codecs.
FOLDED = str.maketrans("\u301c\u2016\u2212\u00a2\u00a3\u00ac\u2014\u00a6\u203e\u00a5",
                       "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2\u2015\uffe4~\\")


def codec(label):
    """Python's codec for a label as a browser reads it; None for labels nobody knows."""
    word = re.split(r"[ \t]", label.strip(" \t").lower(), maxsplit=1)[0]
    if word in MAIL_CODECS:
        return MAIL_CODECS[word]
    encoding = webencodings.lookup(word)
    if encoding is None or encoding.name in ("x-user-defined", "replacement"):
        return {"cp936": "gb18030", "ms936": "gb18030", "cp932": "cp932"}.get(word)
    return CODECS.get(encoding.name, encoding.name)


def decode_windows1252(octets):
    """The five holes of Python's table are C1 controls in the WHATWG index."""
    return "".join(chr(octet) if octet in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else bytes([octet]).decode("cp1252")
                   for octet in octets)


def decode(octets, name, errors="strict"):
    """A byte order mark wins over the label (WHATWG Encoding, "decode")."""
    if octets.startswith(b"\xef\xbb\xbf"):
        return octets[3:].decode("utf-8", errors)
    if name.startswith("utf-16"):
        if octets[:2] in (b"\xfe\xff", b"\xff\xfe"):
            return octets[2:].decode("utf-16-be" if octets[0] == 0xFE else "utf-16-le", errors)
    if name == "windows-1252":
        return decode_windows1252(octets)
    return octets.decode(name, errors)


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
