"""The token format of section 5 of the contract, written a second time from its description."""

import base64
import hashlib
import hmac
from typing import NamedTuple

OPEN, CLICK = b"o", b"c"


class Token(NamedTuple):
    key: int
    message: bytes
    recipient: int
    number: int | None
    target: bytes | None


class BadToken(Exception):
    """Not a token that the key signed for this kind."""


def read_keys(path):
    """Secrets by number: lines of `ID STATUS CREATED SECRET`."""
    keys = {}
    for line in open(path, encoding="ascii"):
        if line.strip() and not line.startswith("#"):
            number, _, _, secret = line.split()
            keys[int(number)] = bytes.fromhex(secret)
    return keys


def decode_strictly(text):
    """base64url without padding, one text for each value (RFC 4648 sections 3.5 and 5)."""
    octets = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(octets).decode().rstrip("=") != text:
        raise BadToken("unused bits are set")
    return octets


def take_number(octets):
    """Seven bits an octet, the lowest first, the top bit on all but the last."""
    value = 0
    for index, octet in enumerate(octets[:4]):
        value |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            return value, octets[index + 1:]
    raise BadToken("a number without an end")


def open_token(text, kind, keys):
    try:
        octets = decode_strictly(text)
    except ValueError as error:
        raise BadToken(str(error)) from error
    if len(octets) < 29 or octets[0] != 1 or octets[1] not in keys:
        raise BadToken("version, key or length")
    content, code = octets[:-16], octets[-16:]
    if not hmac.compare_digest(hmac.digest(keys[octets[1]], kind + content, hashlib.sha256)[:16], code):
        raise BadToken("the code does not fit")
    recipient, rest = take_number(content[12:])
    number = target = None
    if kind == CLICK:
        number, target = take_number(rest)
        rest = b""
        if not target:
            raise BadToken("no target")
    if rest:
        raise BadToken("more than an open holds")
    return Token(octets[1], content[2:12], recipient, number, target)
