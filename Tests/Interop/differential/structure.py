"""Compares a message before and after: MIME tree, header fields, and every byte outside the rewritten parts."""

import base64
import email
import email.policy
import json
import re

from ranges import MAILBOX_LINE, TRACE, Part, read

# Signatures over the body (RFC 6376, RFC 4870, RFC 8617), and fields that describe it (RFC 1864, RFC 9530).
SIGNATURES = {b"dkim-signature", b"domainkey-signature", b"x-google-dkim-signature", b"arc-message-signature", b"arc-seal"}
DIGESTS = {b"content-md5", b"content-digest", b"repr-digest", b"digest", b"lines"}
# What a submission service takes out of every mail.
DROPPED = {b"bcc", b"resent-bcc", b"return-path", b"content-length", TRACE}
LEGAL_ON_MULTIPART = {"", "7bit", "8bit", "binary"}


class Difference(Exception):
    """What is not as the contract says; the second argument is shown as a diff."""

    def __init__(self, words, before="", after=""):
        super().__init__(words)
        self.before, self.after = before, after


def expect(condition, words, before="", after=""):
    if not condition:
        raise Difference(words, before, after)


def show(octets):
    return octets.decode("latin-1") if isinstance(octets, bytes) else str(octets)


class Expected:
    """What the rest of the report says of a mail, as far as its structure depends on it."""

    def __init__(self, root, rewritten, removes_signatures, request):
        """`rewritten` holds paths; `request` is the trace field that is sent on, or None."""
        self.rewritten, self.request = rewritten, request
        self.removed = set(DROPPED)
        if rewritten:
            self.removed |= DIGESTS
        if rewritten and removes_signatures:
            self.removed |= SIGNATURES | {b"arc-authentication-results"}
        # RFC 2045 section 6.4; a signature around a part covers its labels, its own header it does not cover.
        self.repaired = {part.path for part in repairable(root)} if rewritten else set()

    def added(self, fields):
        """What a submission server adds (RFC 6409 section 8), in this order, all at the top."""
        names = {f.name for f in fields}
        wanted = [b"received"] + ([TRACE] if self.request is not None else [])
        wanted += [name for name in (b"date", b"message-id") if name not in names]
        is_mime = self.rewritten or names & {b"content-type", b"content-transfer-encoding"}
        return wanted + ([b"mime-version"] if is_mime and b"mime-version" not in names else [])


def repairable(part):
    is_multipart = part.content_type.startswith("multipart/") and part.children
    if is_multipart and part.encoding not in LEGAL_ON_MULTIPART:
        yield part
    if not protected(part):
        for child in part.children:
            yield from repairable(child)


# MARK: Raw bytes

def compare_raw(before, after, expected):
    """`before` and `after` are read by ranges."""
    expect([p.path for p in before.walk()] == [p.path for p in after.walk()], "the parts are not the same ones",
           "\n".join(p.path for p in before.walk()), "\n".join(p.path for p in after.walk()))
    for old, new in zip(before.walk(), after.walk()):
        compare_fields(old, new, expected)
        compare_separator(old, new, expected.rewritten)
        if old.path in expected.rewritten:
            continue
        old_pieces = list(pieces(old, expected.rewritten))
        if old.path == "1" and old_pieces and is_cut(old):
            old_pieces[0] = without_dropped(old_pieces[0])
        new_pieces = [piece for piece in new.body if isinstance(piece, bytes)]
        if old_pieces != new_pieces:
            raise Difference(f"part {old.path}: bytes outside the rewritten parts", show(b"|".join(old_pieces)),
                             show(b"|".join(new_pieces)))


def is_cut(part):
    """Whether a line that is no field ended the header; lenient readers go on to the first empty line."""
    return not part.separator and bool(part.fields or part.inside[:1] in (b" ", b"\t"))


def kept_of(text):
    return without_dropped(text.encode("ascii", "surrogateescape")).decode("ascii", "surrogateescape")


def without_dropped(text):
    kept, drops = [], False
    lines = re.split(rb"(?<=\n)", text)
    for index, line in enumerate(lines):
        if not line.strip(b"\r\n"):
            return b"".join(kept + lines[index:])
        if line[:1] not in (b" ", b"\t"):
            name = re.match(rb"([^\x00-\x20\x7f:]+)[ \t]*:", line)
            drops = bool(name and name[1].lower() in DROPPED)
        if not drops:
            kept.append(line)
    return b"".join(kept)


def pieces(part, rewritten):
    """What stands between the children. A rewritten part that was empty has a line end in front of the delimiter now;
    it had none, since the one in front of it was the empty line behind the header."""
    leaf = None
    for piece in part.body:
        if isinstance(piece, bytes):
            lacks_end = leaf and leaf.path in rewritten and not piece.startswith(b"\r\n")
            yield b"\r\n" + piece if lacks_end else piece
        leaf = None if isinstance(piece, bytes) else last_leaf(piece)


def last_leaf(part):
    """The leaf that ends where the part ends; None where a multipart's own text stands behind it."""
    while part and part.children:
        part = part.body[-1] if isinstance(part.body[-1], Part) else None
    return part


def compare_separator(old, new, rewritten):
    """A part that has no empty line behind its header may get one, where something had to be written behind it."""
    if old.separator != new.separator:
        expect(not old.separator and (old.path in rewritten or not old.fields) and new.separator == b"\r\n",
               f"part {old.path}: the empty line behind the header", repr(old.separator), repr(new.separator))


def compare_fields(old, new, expected):
    before, after = list(old.fields), list(new.fields)
    if old.path == "1":
        take_added(before, after, expected)
        before = [f for f in before if f.name not in expected.removed]
    if old.path in expected.rewritten:
        compare_labels(old, new)
        before = [f for f in before if f.name not in DIGESTS]
        before, after = without_labels(before), without_labels(after)
    elif old.path in expected.repaired:
        compare_repair(old, new)
        before, after = ([f for f in side if f.name != b"content-transfer-encoding"] for side in (before, after))
    old_raw, new_raw = ("".join(show(f.raw) for f in side) for side in (before, after))
    expect(old_raw == new_raw, f"part {old.path}: header fields", old_raw, new_raw)


def compare_repair(old, new):
    labels = [f.value.strip() for f in new.fields if f.name == b"content-transfer-encoding"]
    wanted = b"7bit" if old.inside.isascii() else b"8bit"
    expect(labels == [wanted], f"part {old.path}: labels of a multipart", str([wanted]), str(labels))


def take_added(before, after, expected):
    """Takes what was added out of `after`."""
    for name in expected.added(before):
        at = place(name, [f.name for f in after])
        found = after.pop(at) if len(after) > at else None
        expect(found is not None and found.name == name, f"{show(name)} does not stand where it was to be added",
               str(expected.added(before)), "".join(show(f.raw) for f in after[:4]))
        expect(found.raw.endswith(b"\r\n"), f"no line end behind {show(found.raw)}")
        if name == b"received":
            expect(b"(tracerelay)" in found.raw, "a Received of another", "", show(found.raw))
        if name == TRACE:
            compare_request(found, expected.request)


def place(name, names):
    """Where the next added field stands: an mbox line is made a field in front of all that was header."""
    return int(name == b"mime-version" and names[:1] == [MAILBOX_LINE])


def compare_request(found, request):
    """Section 7: compact JSON, padded base64, one line; section 1: values are strings."""
    octets = base64.b64decode(found.value.strip(), validate=True)
    said = json.loads(octets)
    expect({name: said.get(name, "0") for name in request} == request and not re.search(rb"\s", octets),
           "the request to the upstream", str(request), show(octets))
    expect(found.raw.count(b"\n") == 1, "the request is folded", "", show(found.raw))


def without_labels(fields):
    return [f for f in fields if f.name not in (b"content-type", b"content-transfer-encoding")]


def compare_labels(old, new):
    """Content-Type keeps its place and all but the charset; Content-Transfer-Encoding is quoted-printable."""
    expect(new.encoding == "quoted-printable", f"part {new.path} is labelled {new.encoding}")
    for name in (b"content-type", b"content-transfer-encoding"):
        count = sum(f.name == name for f in new.fields)
        expect(count <= 1, f"part {new.path}: {show(name)} stands {count} times")
    moved = (b"received", TRACE, MAILBOX_LINE)
    order, again = (list(dict.fromkeys(f.name for f in side.fields if f.name not in moved)) for side in (old, new))
    common = set(order) & set(again)
    order, again = ([name for name in side if name in common] for side in (order, again))
    expect(order == again, f"part {new.path}: order of fields", str(order), str(again))
    expect((label_is_kept(old, new) or count_charsets(new) == 1), f"part {new.path}: one charset", "",
           show(new.first(b"content-type")))
    before, after = other_parameters(old), other_parameters(new)
    expect(before == after, f"part {new.path}: parameters of Content-Type", str(before), str(after))


def label_is_kept(old, new):
    return old.first(b"content-type") == new.first(b"content-type")


def count_charsets(part):
    """Opinions on the charset, RFC 2231's pieces included."""
    value = re.sub(rb"\"(?:[^\"\\]|\\.)*\"|\([^()]*\)", b"x", part.first(b"content-type") or b"", flags=re.S)
    return len(re.findall(rb";\s*charset(?:\*[0-9]*)?\*?\s*=", value, re.I))


def other_parameters(part):
    parameters = part.mime().get_params(failobj=[("text/plain", "")], unquote=True)
    # The media type comes first; it may be written anew, in lower case (RFC 2045 section 5.1).
    return [(n.lower() if index == 0 else n, v) for index, (n, v) in enumerate(parameters)
            if n.lower() not in ("charset", "charset*")]


# MARK: Python's email package

def without(octets, part, names):
    """The message without these top-level fields."""
    header = b"".join(f.raw for f in part.fields)
    kept = b"".join(f.raw for f in part.fields if f.name not in names)
    start = octets.index(header)
    return octets[:start] + kept + octets[start + len(header):]


def compare_parsed(before, after, old_root, expected, clean):
    """The same by the email package. The trace field is taken out first: its continuation without a leading blank ends
    the header for that package, while section 1 of the contract reads it."""
    added = expected.added(old_root.fields)
    parts = list(zip_parts(email.message_from_bytes(without(before, old_root, expected.removed)),
                           email.message_from_bytes(after), "1"))
    for path, old, new in parts:
        if path == "1" and is_cut(old_root):
            if isinstance(old._payload, str):
                old._payload = kept_of(old._payload)
            if old.preamble:
                old.preamble = kept_of(old.preamble)
        compare_message(path, old, new, expected, added if path == "1" else [])
    if clean:
        compare_modern(before, after, expected.rewritten)


def zip_parts(old, new, path):
    yield path, old, new
    one, other = (p.get_payload() if p.is_multipart() else [] for p in (old, new))
    expect(len(one) == len(other), f"email sees {len(one)} parts under {path} before and {len(other)} after")
    inner = "!" if old.get_content_maintype() == "message" else ""
    for index, (old_child, new_child) in enumerate(zip(one, other)):
        yield from zip_parts(old_child, new_child, f"{path}.{inner}{index + 1}")


def compare_message(path, old, new, expected, added):
    expect(old.get_content_type() == new.get_content_type(), f"email: type of {path}", old.get_content_type(),
           new.get_content_type())
    for what in ("preamble", "epilogue"):
        expect(getattr(old, what) == getattr(new, what), f"email: {what} of {path}", getattr(old, what) or "",
               getattr(new, what) or "")
    skipped = set()
    if path in expected.rewritten:
        skipped = {"content-type", "content-transfer-encoding"}
    elif path in expected.repaired:
        skipped = {"content-transfer-encoding"}
    before, after = list(old.raw_items()), list(new.raw_items())
    for name in added:
        del after[place(name, [name.lower().encode("utf-8", "surrogateescape") for name, _ in after])]
    before, after = ([item for item in side if item[0].strip().lower() not in skipped] for side in (before, after))
    expect(before == after, f"email: header of {path}", "\n".join(map(str, before)), "\n".join(map(str, after)))
    if path not in expected.rewritten and not old.is_multipart():
        # Not get_payload(): it decodes 8-bit text by its charset and fails on some labels.
        expect(old._payload == new._payload, f"email: body of {path}", str(old._payload), str(new._payload))


def compare_modern(before, after, rewritten):
    """policy.default: no defect that was not there, and the text arrives."""
    old, new = (email.message_from_bytes(side, policy=email.policy.default) for side in (before, after))
    known = {type(defect) for part in old.walk() for defect in part.defects}
    for path, _, part in zip_parts(old, new, "1"):
        fresh = [defect for defect in part.defects if type(defect) not in known]
        expect(not fresh, f"email finds new defects in {path}: {fresh}")
        if path in rewritten:
            if part.get_content_charset() == "utf-8":
                expect(isinstance(part.get_content(), str), f"email cannot read {path}")


# MARK: Which parts

def protected(part):
    return part.content_type in ("multipart/signed", "multipart/encrypted", "multipart/report",
                                 "application/pkcs7-mime", "application/x-pkcs7-mime")


def eligible_paths(root, subtype="html"):
    """Section 3 of the contract: leaves of text/html, at any depth of multiparts, neither attachments nor in one."""
    paths = []

    def visit(part):
        if protected(part) or is_attachment(part):
            return
        for child in part.children:
            visit(child)
        if not part.children and part.content_type == f"text/{subtype}" and not is_labelled_behind_cut(part):
            paths.append(part.path)
    visit(root)
    return paths


def is_labelled_behind_cut(part):
    """Whether a line that is no field ended the header in front of fields that say what the part is to other readers."""
    text = re.split(rb"^\r?\n", part.octets, maxsplit=1, flags=re.M)[0]
    return is_cut(part) and re.search(rb"^content-[^\x00-\x20\x7f:]*[ \t]*:", text, re.M | re.I) is not None


def is_attachment(part):
    # What does not even start with a word says nothing (RFC 2183 section 2); the email package takes it for a word.
    value = (part.first(b"content-disposition") or b"").strip()
    disposition = part.mime().get_content_disposition() if re.match(rb"[\w-]", value) else None
    return disposition not in (None, "", "inline")


__all__ = ["Difference", "Expected", "Part", "compare_parsed", "compare_raw", "eligible_paths", "expect", "read"]
