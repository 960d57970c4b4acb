"""Compares one part before and after: encoding, text, links, pixel."""

import email.utils
import quopri
import re

import charsets
import documents
import linkoracle
import plaintext
from linkoracle import Text
from policies import BASE
from structure import expect
from tokens import CLICK, OPEN, BadToken, open_token

TRACKED = re.compile(re.escape(BASE) + r"/c/([A-Za-z0-9_-]+)")
PIXEL = re.compile(
    r'<img src="(' + re.escape(BASE) + r'/o/([A-Za-z0-9_-]+)\.gif)" width="1" height="1" alt=""[^<>]*>')
PIXEL_ON_TOP = 100 << 10
# Not in any text of this test, and no character that means something in a pattern.
QUOTE = "\ufdd0\ufdd1"
# What may have stood where UTF-8 stands: any value of an attribute, quoted or not.
DECLARED = "(?:UTF\\-8|[^<>]{0,60}?|[^\"']{0,1000}?)"
# Octets of a URL that the report shows.
SHOWN = 2_048


class Unreadable(Exception):
    """The oracle itself cannot say what the part holds; the reason names the excluded class."""


class Undecodable(Unreadable):
    """Octets that the part's charset does not have: such a part is not rewritten."""


class Mail:
    """What is known of a mail while its parts are compared."""

    def __init__(self, keys, policy, recipient, unsubscribe):
        self.keys, self.policy, self.recipient, self.unsubscribe = keys, policy, recipient, unsubscribe
        self.opens = self.clicks = True
        self.opted_out = set()
        self.message = None
        self.next_number = 0
        self.counts = {}

    def open(self, text, kind):
        try:
            token = open_token(text, kind, self.keys)
        except BadToken as error:
            expect(False, f"a token does not open: {error}", text)
        self.message = self.message or token.message
        expect(token.message == self.message, "tokens of one mail name different messages")
        expect(token.recipient == self.recipient, f"a token names recipient {token.recipient}")
        return token

    def target(self, text):
        return self.open(text, CLICK).target.decode("utf-8", "surrogateescape")

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def take_numbers(self, links):
        """Links are numbered through the mail, those of HTML first."""
        numbers = [link["number"] for link in links if "number" in link]
        expect(numbers == list(range(self.next_number, self.next_number + len(numbers))), f"link numbers: {numbers}")
        self.next_number += len(numbers)
        return len(numbers)


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
    return re.sub(r"\s*\([^()]*\)", "", email.utils.collapse_rfc2231_value(value)).strip() or None


# MARK: Text

def read_text(old, keeps):
    """The part's text before, as a browser that trusts the labels would have it."""
    octets = charsets.decode_transfer(old.octets, old.encoding)
    expect(octets is not None, f"part {old.path} was rewritten from an unknown encoding {old.encoding}")
    expect(not charsets.is_doubtful(old.octets, old.encoding), f"part {old.path} was rewritten from doubtful base64")
    before = label(old)
    if before is None or before.lower() in charsets.ASCII_LABELS:
        return unlabelled(octets, old.content_type == "text/html")
    name = charsets.encoding(before)
    if name is None:
        raise Unreadable(f"charset {before}")
    try:
        text = Text(charsets.decode(octets, name), None, name)
    except UnicodeDecodeError as error:
        if name in charsets.NOT_ASCII_SUPERSETS:
            raise Undecodable(f"bytes that {name} does not have") from error
        text = Text(charsets.decode(octets, name, escapes=True), None, name, in_place=True)
    # UTF-16 is no text that quoted-printable could carry line by line; UTF-7 and ISO-2022-KR are not spliced.
    text.keeps_label = text.in_place or keeps and name not in charsets.UNICODE
    return text


def unlabelled(octets, is_html):
    """Section 3: what <meta> says, else the escapes, else UTF-8. A <meta> that could be read cannot mean UTF-16 (WHATWG
    HTML 13.2.3.2)."""
    if not re.search(rb"[\x80-\xff\x1b]", octets):
        return Text(octets.decode("ascii"), None, "utf-8")
    candidates = [declared_encoding(octets.decode("latin-1"))] if is_html else []
    candidates += ["iso-2022-jp", "iso-2022-kr"] if b"\x1b" in octets else ["utf-8"]
    for name in filter(None, candidates):
        try:
            return Text(charsets.decode(octets, name), None, name)
        except UnicodeDecodeError:
            continue
    text = Text(charsets.decode(octets, "utf-8", escapes=True), None, None, in_place=True)
    text.keeps_label = True
    return text


def declared_encoding(text):
    """What the document itself names: <meta> wins over an XML declaration (WHATWG HTML 13.2.3.2)."""
    labels = [declared_by(token[2]) for token in documents.read(text).tokens if token[:2] == ["start", "meta"]]
    xml = re.match(r"<\?xml[^>]*?encoding[\x00-\x20]*=[\x00-\x20]*[\"']([^\"'>]*)[\"']", text)
    # An empty one names nothing; behind the first that names something none is asked.
    for found in labels + ([xml[1]] if xml else []):
        if found and found.strip():
            name = None if found.lower() in charsets.ASCII_LABELS else charsets.encoding(found)
            return "utf-8" if name and name.startswith("utf-16") else name
    return None


def declared_by(attributes):
    if "charset" in attributes:
        return attributes["charset"]
    if attributes.get("http-equiv", "").lower() != "content-type":
        return None
    found = re.search(r"charset\s*=\s*[\"']?([^\s;\"']*)", attributes.get("content", ""), re.I)
    return found and found[1]


def read_rewritten(old, new, text):
    """The text after, by the label that the contract foresees: UTF-8, or the one that stood there."""
    check_lines(new.octets)
    again = quopri.decodestring(new.octets)
    before, after = label(old), label(new)
    if not text.keeps_label:
        return read_utf8(again, before, after)
    expect((before or "").lower() == (after or "").lower(), "the label", str(before), str(after))
    if text.encoding is None:
        return charsets.decode(again, "utf-8", escapes=True)
    return charsets.decode(again, text.encoding, escapes=text.in_place)


def read_utf8(again, before, after):
    expect((after or "").upper() == "UTF-8" or before and before.lower() == after.lower() == "utf8",
           "the label is not UTF-8", str(before), str(after))
    try:
        return again.decode("utf-8")
    except UnicodeDecodeError as error:
        expect(False, f"labelled UTF-8 and is not: {error}", repr(again[error.start - 40:error.start + 20]))


def texts(old, new, policy):
    """Both texts, with LF line ends."""
    try:
        text = read_text(old, policy.charset == "keep" and not policy.is_upstream)
    except Undecodable as reason:
        expect(new is None, f"part {old.path} was rewritten from {reason}")
        raise
    if new is not None:
        text.new = lines(read_rewritten(old, new, text))
    text.old = lines(text.old)
    return text


def lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_untouched(old, new):
    """Whether all that stands between the links is the same character by character, charset declarations aside."""
    pattern = []
    for piece in TRACKED.split(bare(new))[::2]:
        words = re.escape(piece).replace("UTF\\-8", DECLARED)
        # Quotes may have been put around a value that had none.
        pattern.append(words.replace(QUOTE, '"?'))
    return re.fullmatch(".*?".join(pattern), old, re.S) is not None


def bare(text):
    """The text with a mark for each quote around a token that ends in a dash: unquoted it would end a comment."""
    return re.sub(r'"(' + TRACKED.pattern + r')(?<=-)"', QUOTE + r"\1" + QUOTE, text)


# MARK: All of it

def compare(old, new, report, mail, pixel_expected):
    """`old` and `new` are parts by ranges, `new` is None where the part was not rewritten; `report` is the relay's."""
    if old.content_type == "text/plain" and (charsets.decode_transfer(old.octets, old.encoding) is None
                                             or charsets.is_doubtful(old.octets, old.encoding)):
        # A text part that cannot be decoded stays as it is; the HTML part does not suffer for it.
        expect(new is None and not report["links"], f"part {old.path} was rewritten from {old.encoding}")
        return
    text = texts(old, new, mail.policy)
    if old.content_type == "text/plain":
        flowed = old.mime()
        inventory = plaintext.links(text.old, str(flowed.get_param("format", "")).lower() == "flowed"
                                    and str(flowed.get_param("delsp", "")).lower() == "yes")
        check_fates(inventory, report, text, mail)
        if new is not None:
            plaintext.compare(inventory, text, report, TRACKED,
                              lambda token, url: check_target(mail.target(token), url, text, mail))
        return
    before = documents.read(text.old)
    if before.unsettled:
        mail.count("inventory not compared: select or frameset")
    else:
        check_fates(documents.links(before), report, text, mail)
    expect(("pixel" in report) == pixel_expected, f"the report has the pixel {report.get('pixel')}")
    if new is not None:
        compare_html(before, text, report, mail)


def compare_html(before, text, report, mail):
    pixel = find_pixel(text.new, report, mail)
    rest = text.new.replace(pixel[0], "", 1) if pixel else text.new
    if mail.policy.is_upstream and not documents.is_frameset(before):
        text.new = rest = without_body_element(before, text.old, rest)
    expect(is_untouched(text.old, rest), "text outside the links changed", text.old, rest)
    after = documents.read(text.new)
    comparison = documents.Comparison(pixel and pixel[1])
    comparison.documents(before, after)
    check_changed(comparison, report, text, mail)
    documents.compare_trees(before, after, rest, pixel and pixel[1])
    if pixel:
        check_place(before, after, comparison, pixel[1], report["pixel"], wants_top(text, mail))


def without_body_element(before, old, new):
    """Section 7: a document has a `<body>` element, put in where it had none; nothing else changes."""
    if any(token[:2] == ["start", "body"] for token in before.tokens):
        return new
    expect(any(token[:2] == ["start", "body"] for token in documents.read(new).tokens), "no <body> element", old, new)
    for start in re.finditer("<body>", new):
        opened = new[:start.start()] + new[start.end():]
        ends = [None] + list(re.finditer("</body>", opened))
        for end in reversed(ends):
            bare = opened if end is None else opened[:end.start()] + opened[end.end():]
            if is_untouched(old, bare):
                return bare
    expect(False, "more than a <body> element was put in", old, new)


# MARK: Which part

def pixel_path(root, html, policy):
    """The part whose document readers show: of alternatives the last, and none that is empty beside a text; None where
    there is none, or where it is a frameset."""
    shown_texts = {}

    def document(part):
        if part.path not in shown_texts:
            shown_texts[part.path] = documents.read(texts(part, None, policy).old)
        return shown_texts[part.path]

    def holds_text(part):
        if part.children:
            return any(map(holds_text, part.children))
        octets = part.content_type == "text/plain" and charsets.decode_transfer(part.octets, part.encoding)
        return bool(octets) and any(octet > 0x20 for octet in octets)

    def visit(part, has_text):
        if not part.children:
            if part.path not in html:
                return None
            seen = document(part)
            return part if documents.is_frameset(seen) or not has_text or documents.shows(seen) else None
        is_alternative = part.content_type == "multipart/alternative"
        for child in reversed(part.children) if is_alternative else part.children:
            beside = is_alternative and any(holds_text(other) for other in part.children if other is not child)
            if found := visit(child, has_text or beside):
                return found
        return None
    found = visit(root, False)
    return found and (None if documents.is_frameset(document(found)) else found.path)


# MARK: Links

def shown(url):
    """The ASCII of a URL: what is no character stands in the report as U+FFFD, in the oracle as a surrogate."""
    return re.sub(r"[^\x00-\x7e]", "", url)


def is_shown_as(url, reported):
    one, other = shown(url), shown(reported)
    if len(reported.encode()) >= SHOWN - 4:
        return one.startswith(other[:SHOWN - 4])
    return one == other


def check_fates(inventory, report, text, mail):
    """Every link stands in the report, with a reason that holds."""
    reported = report["links"]
    expect(len(inventory) == len(reported) and all(is_shown_as(a.url, b["url"]) for a, b in zip(inventory, reported)),
           "the links", "\n".join(f"{link.element} {link.url!r}" for link in inventory),
           "\n".join(f"{link['element']} {link['url']!r}" for link in reported))
    for link, said in zip(inventory, reported):
        allowed = linkoracle.reasons(link, text, mail)
        expect(said.get("reason") in allowed, "a link's fate",
               f"{link.url!r} {link.attributes} {link.label!r}: {sorted(map(str, allowed))}", str(said))
        expect(("number" in said) != ("reason" in said), "a link has a number or a reason", "", str(said))
        if said.get("reason") in ("trace-off", "other-marker"):
            mail.opted_out.add(link.url)
        mail.count(f"link {said.get('reason', 'tracked')}")


def check_changed(comparison, report, text, mail):
    for old, new in comparison.changed:
        found = TRACKED.fullmatch(new)
        expect(found, "a changed href that is no tracked link", old, new)
        check_target(mail.target(found[1]), documents.requested(old), text, mail)
    tracked = sum("number" in link for link in report["links"])
    expect(tracked == len(comparison.changed), f"{tracked} links reported, {len(comparison.changed)} changed")


def check_target(target, url, text, mail):
    allowed = text.targets(url, mail.policy.utm)
    expect(charsets.canonical(target) in allowed, "a tracked link leads elsewhere",
           "\n".join(map(ascii, sorted(allowed))), ascii(charsets.canonical(target)))


# MARK: Pixel

def find_pixel(text, report, mail):
    found = list(PIXEL.finditer(text))
    expect(len(found) == ("pixel" in report), f"{len(found)} pixels, the report says {report.get('pixel')}")
    if not found:
        return None
    mail.open(found[0][2], OPEN)
    return found[0][0], found[0][1]


def wants_top(text, mail):
    if mail.policy.pixel != "auto":
        return mail.policy.pixel == "top"
    return len(text.old.encode("utf-8", "surrogatepass")) > PIXEL_ON_TOP


def check_place(before, after, comparison, pixel, reported, top):
    """Section 6: an element of the document, at the top where that was wanted, else in front of the body's end."""
    select = (["start", "select"], ["start", "frameset"])
    if after.unsettled or any(token[:2] in select for token in before.tokens):
        return
    expect(documents.count_pixels(after, pixel) == 1, "the pixel is no element of the document")
    behind, following = before.tokens[:comparison.pixel_index], before.tokens[comparison.pixel_index:]
    if top or reported == "top":
        expect(reported == "top", f"the pixel is reported at the {reported}")
        check_top(behind)
        # Not one element of the head has become the body's.
        if documents.begins_body(before):
            expect(documents.head(before) == documents.head(after), "the head", "\n".join(documents.head(before)),
                   "\n".join(documents.head(after)))
    if not top:
        check_bottom(before, following, reported)


def check_top(behind):
    """Right behind <body>; without one nothing that shows stands in front."""
    if behind and behind[-1][:2] == ["start", "body"]:
        return
    depth = 0
    for token in behind:
        if token[1:2] == ["template"]:
            depth = max(0, depth + {"start": 1, "end": -1}.get(token[0], 0))
            continue
        if depth > 0:
            continue
        expect(token[0] in ("comment", "doctype", "end") or token[0] == "text" or token[:2] in [
            ["start", name] for name in documents.METADATA], "the pixel is not at the top", str(behind))
    expect(not any(token[:2] == ["start", "body"] for token in behind), "the pixel is not behind <body>", str(behind))


def check_bottom(before, following, reported):
    """At the top instead where the document's end would swallow it."""
    if before.ignores_ends:
        # An end tag inside SVG's <desc> or a table's cell may end nothing; all places behind are the same then.
        return
    ends = [token[1] for token in before.tokens if token[0] == "end" and token[1] in ("body", "html")]
    for name in ("body", "html"):
        if name in ends and reported == "bottom":
            expect(following and following[0][:2] == ["end", name], f"the pixel is not in front of </{name}>",
                   str(following[:1]))
            return
    if reported == "bottom":
        expect(not following, "the pixel is not at the end", str(following[:1]))
