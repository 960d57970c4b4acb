"""Compares one rewritten part before and after: encoding, text, links, pixel."""

import email.utils
import quopri
import re

import charsets
import documents
import linkoracle
from structure import expect
from tokens import CLICK, OPEN, BadToken, open_token

BASE = "https://track.example.test"
TRACKED = re.compile(re.escape(BASE) + r"/c/([A-Za-z0-9_-]+)")
PIXEL = re.compile(
    r'<img src="(' + re.escape(BASE) + r'/o/([A-Za-z0-9_-]+)\.gif)" width="1" height="1" alt=""[^<>]*>')
PIXEL_ON_TOP = 100 << 10


class Unreadable(Exception):
    """The oracle itself cannot say what the part holds; the reason names the excluded class."""


class Mail:
    """What is known of a mail while its parts are compared."""

    def __init__(self, keys, clicks, opens, unsubscribe, case):
        self.keys, self.clicks, self.opens, self.unsubscribe, self.case = keys, clicks, opens, unsubscribe, case
        self.message = None
        self.next_number = 0
        self.pixels = 0
        self.counts = {}

    def open(self, text, kind):
        try:
            token = open_token(text, kind, self.keys)
        except BadToken as error:
            expect(False, f"a token does not open: {error}", text)
        self.message = self.message or token.message
        expect(token.message == self.message, "tokens of one mail name different messages")
        expect(token.recipient == 0, f"a token names recipient {token.recipient}")
        return token


# MARK: Encoding

def check_lines(body):
    expect(not re.search(rb"(?<!\r)\n|\r(?!\n)", body), "a line end other than CRLF")
    for line in body.split(b"\r\n"):
        expect(len(line) <= 76, "a line longer than 76", line.decode("latin-1"))
        expect(re.fullmatch(rb"[\t\x20-\x7e]*", line), "an octet that is not printable", repr(line))
        expect(not line.endswith((b" ", b"\t")), "a blank at a line's end", repr(line))
        expect(not line.startswith((b".", b"From ")), "a line start that transport may change", repr(line))
        expect(re.fullmatch(rb"(?:[^=]|=[0-9A-F]{2})*=?", line), "a = that starts nothing", repr(line))
    for one, other in re.findall(rb"((?:=[0-9A-F]{2})+)=\r\n((?:=[0-9A-F]{2})+)", body):
        octets = bytes.fromhex((one + other).decode().replace("=", ""))
        seam = len(one) // 3
        expect(octets[seam] & 0xC0 != 0x80 or octets[seam - 1] < 0x80 or not is_utf8(octets),
               "a soft break inside a character", repr(one + other))


def is_utf8(octets):
    try:
        octets.decode()
        return True
    except UnicodeDecodeError:
        return False


def label(part):
    value = part.mime().get_param("charset")
    if value is None:
        return None
    # The email package keeps comments in parameters, which RFC 2045 section 5.1 allows.
    return re.sub(r"\s*\([^()]*\)", "", email.utils.collapse_rfc2231_value(value)).strip()


# MARK: Text

def texts(old, new):
    """The part's text before and after, as a browser that trusts the labels would have it."""
    body = old.octets
    octets = charsets.decode_transfer(body, old.encoding)
    expect(octets is not None, f"part {old.path} was rewritten from an unknown encoding {old.encoding}")
    check_lines(new.octets)
    again = quopri.decodestring(new.octets)
    before, after = label(old), label(new)
    if after is None or after.upper() != "UTF-8" or before is not None and before.lower() == after.lower() == "utf8":
        return in_place(octets, again, before, after)
    try:
        text = again.decode("utf-8")
    except UnicodeDecodeError as error:
        # Section 3: bytes that are not in the charset are edited in place, the label kept.
        expect(before is not None and charsets.codec(before) == "utf-8" and not is_utf8(octets),
               f"labelled UTF-8 and is not: {error}", repr(again[error.start - 40:error.start + 20]))
        return octets.decode("utf-8", "surrogateescape"), again.decode("utf-8", "surrogateescape")
    old = decoded(octets, before)
    if before and charsets.codec(before) in charsets.JAPANESE:
        return old.translate(charsets.FOLDED), text.translate(charsets.FOLDED)
    return old, text


def in_place(octets, again, before, after):
    expect((before or "").lower() == (after or "").lower(), "the label", str(before), str(after))
    name = charsets.codec(after) if after else None
    if after and name is None:
        raise Unreadable(f"charset {after}")
    if name in (None, "utf-8") or after.lower() in charsets.ASCII_LABELS:
        name = "utf-8"
    return tuple(charsets.decode(side, name, "surrogateescape" if name == "utf-8" else "backslashreplace")
                 for side in (octets, again))


def decoded(octets, charset):
    if charset is None or charset.lower() in charsets.ASCII_LABELS:
        return unlabelled(octets)
    name = charsets.codec(charset)
    if name is None:
        raise Unreadable(f"charset {charset}")
    try:
        return charsets.decode(octets, name)
    except UnicodeDecodeError as error:
        # iconv's tables have a few codes more than Python's; which ones is not this test's matter.
        raise Unreadable(f"bytes Python's {name} does not have") from error


def unlabelled(octets):
    """Section 3: what <meta> says, else UTF-8. A <meta> that could be read cannot mean UTF-16 (WHATWG HTML 13.2.3.2)."""
    if not re.search(rb"[\x80-\xff\x1b]", octets):
        return octets.decode("ascii")
    name = declared_codec(octets.decode("latin-1"))
    for candidate in (name, "utf-8"):
        try:
            if candidate:
                return charsets.decode(octets, candidate)
        except UnicodeDecodeError:
            continue
    raise Unreadable("8-bit text that is labelled UTF-8 and was not")


def declared_codec(text):
    for token in documents.read(text).tokens:
        if token[0] == "start" and token[1] == "meta":
            found = token[2].get("charset")
            if found is None and token[2].get("http-equiv", "").lower() == "content-type":
                found = (re.search(r"charset\s*=\s*[\"']?([^\s;\"']*)", token[2].get("content", ""), re.I) or [0, None])[1]
            if found is not None:
                name = charsets.codec(found)
                return "utf-8" if name and name.startswith("utf-16") else name
    return None


def lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_untouched_text(old, new, pixel):
    """What stands between the links is the same character by character, charset declarations aside."""
    rest = new.replace(pixel, "", 1) if pixel else new
    pieces = [re.escape(piece).replace("UTF\\-8", "(?:UTF\\-8|[^<>;]{0,60}?)") for piece in TRACKED.split(rest)[::2]]
    if re.fullmatch(".*?".join(pieces), old, re.S) is None:
        expect(False, "text outside the links changed", old, rest)


# MARK: All of it

def compare(old, new, report, mail):
    """`old` and `new` are parts by ranges, `report` the relay's own report of the part."""
    old_text, new_text = (lines(text) for text in texts(old, new))
    pixel = find_pixel(new_text, report, mail)
    check_untouched_text(old_text, new_text, pixel and pixel[0])
    before, after = documents.read(old_text), documents.read(new_text)
    comparison = documents.Comparison(pixel and pixel[1])
    comparison.documents(before, after)
    check_links(before, after, comparison, report, mail)
    open_link = link_opener(mail)
    bare = new_text.replace(pixel[0], "", 1) if pixel else new_text
    documents.compare_trees(before, after, bare, open_link, pixel and pixel[1])
    if pixel:
        check_place(before, after, comparison, pixel[1], len(old_text.encode("utf-8", "surrogateescape")))


def find_pixel(text, report, mail):
    found = list(PIXEL.finditer(text))
    expect(len(found) == ("pixel" in report), f"{len(found)} pixels, the report says {report.get('pixel')}")
    if not found:
        return None
    mail.pixels += 1
    mail.open(found[0][2], OPEN)
    return found[0][0], found[0][1]


def link_opener(mail):
    def open_link(value):
        found = TRACKED.fullmatch(value)
        if not found:
            return documents.requested(value)
        try:
            return open_token(found[1], CLICK, mail.keys).target.decode("utf-8", "surrogateescape")
        except BadToken:
            return documents.requested(value)
    return open_link


def shown(url):
    """A URL as the report may show it: 2,048 octets of it, and what is no character as U+FFFD (in_place() decodes such
    octets otherwise)."""
    return re.sub(r"\\\\x[0-9a-f]{2}|[^\x00-\x7e]", "", url.encode("utf-8", "surrogatepass")[:1_500].decode("utf-8", "ignore"))


def check_links(before, after, comparison, report, mail):
    for old, new in comparison.changed:
        found = TRACKED.fullmatch(new)
        expect(found, "a changed href that is no tracked link", old, new)
        token = mail.open(found[1], CLICK)
        target = token.target.decode("utf-8", "surrogateescape")
        expect(target.translate(charsets.FOLDED) == documents.requested(old).translate(charsets.FOLDED),
               "a tracked link leads elsewhere", ascii(documents.requested(old)), ascii(target))
    reported = report["links"]
    numbers = [link["number"] for link in reported if "number" in link]
    expect(numbers == list(range(mail.next_number, mail.next_number + len(numbers))), f"link numbers: {numbers}")
    mail.next_number += len(numbers)
    expect(len(numbers) == len(comparison.changed), f"{len(numbers)} links reported, {len(comparison.changed)} changed")
    if before.unsettled:
        mail.counts["inventory not compared: select or frameset"] = 1
        return
    inventory = documents.links(before)
    expect([shown(link.url) for link in inventory] == [shown(link["url"]) for link in reported], "the links", "\n".join(f"{link.element} {link.url!r}" for link in inventory),
           "\n".join(f"{link['element']} {link['url']!r}" for link in reported))
    for link, said in zip(inventory, reported):
        allowed = linkoracle.reasons(link, mail.clicks, mail.unsubscribe)
        expect(said.get("reason") in allowed, "a link's fate",
               f"{link.url!r} {link.attributes}: {sorted(map(str, allowed))}", str(said))
        mail.counts[f"link {said.get('reason', 'tracked')}"] = mail.counts.get(f"link {said.get('reason', 'tracked')}", 0) + 1


def check_place(before, after, comparison, pixel, octets):
    """Section 6: an element of the document, in front of </body>, else of </html>, else at the end."""
    if after.unsettled or any(token[:2] in (["start", "select"], ["start", "frameset"]) for token in before.tokens):
        return
    expect(documents.count_pixels(after, pixel) == 1, "the pixel is no element of the document")
    if octets > PIXEL_ON_TOP:
        return
    ends = [token[1] for token in before.tokens if token[0] == "end" and token[1] in ("body", "html")]
    following = before.tokens[comparison.pixel_index:][:1]
    if "body" in ends:
        expect(following[0][:2] == ["end", "body"], "the pixel is not in front of </body>", str(following))
