"""Compares a message before and after: MIME tree, header fields, and every byte outside the rewritten parts."""

import email
import email.policy
import re

from ranges import TRACE, Part, read

ADDED = {b"date", b"message-id", b"mime-version"}
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


# MARK: Raw bytes

def compare_raw(before, after, rewritten, tracked):
    """`before` and `after` are read by ranges; `rewritten` holds paths."""
    expect([p.path for p in before.walk()] == [p.path for p in after.walk()], "the parts are not the same ones",
           "\n".join(p.path for p in before.walk()), "\n".join(p.path for p in after.walk()))
    for old, new in zip(before.walk(), after.walk()):
        compare_fields(old, new, rewritten, tracked)
        compare_separator(old, new, rewritten)
        if old.path in rewritten:
            continue
        old_pieces = [piece for piece in old.body if isinstance(piece, bytes)]
        new_pieces = [piece for piece in new.body if isinstance(piece, bytes)]
        if old_pieces != new_pieces:
            raise Difference(f"part {old.path}: bytes outside the rewritten parts", show(b"|".join(old_pieces)),
                             show(b"|".join(new_pieces)))


def compare_separator(old, new, rewritten):
    """A part that has no empty line behind its header may get one, where something had to be written behind it."""
    if old.separator != new.separator:
        expect(not old.separator and (old.path in rewritten or not old.fields) and new.separator == b"\r\n",
               f"part {old.path}: the empty line behind the header", repr(old.separator), repr(new.separator))


def compare_fields(old, new, rewritten, tracked):
    before, after = list(old.fields), list(new.fields)
    if old.path == "1":
        expect(after and after[0].name == b"received" and b"(tracerelay)" in after[0].raw, "no Received in front")
        del after[0]
        before = [f for f in before if f.name not in (b"bcc", TRACE)]
        take_added(before, after, tracked)
    if old.path in rewritten:
        compare_labels(old, new)
        before, after = without_labels(before), without_labels(after)
    elif tracked and old.content_type.startswith("multipart/") and old.encoding not in LEGAL_ON_MULTIPART:
        expect(new.encoding in ("7bit", "8bit"), f"part {old.path}: the multipart is still labelled {new.encoding}")
        before, after = ([f for f in side if f.name != b"content-transfer-encoding"] for side in (before, after))
    old_raw, new_raw = ("".join(show(f.raw) for f in side) for side in (before, after))
    expect(old_raw == new_raw, f"part {old.path}: header fields", old_raw, new_raw)


def take_added(before, after, tracked):
    """Takes what a submission server adds (RFC 6409 section 8) out of `after`."""
    names = {f.name for f in before}
    for name in ADDED - names:
        mine = [f for f in after if f.name == name]
        wanted = 1 if name != b"mime-version" or tracked else 0
        expect(len(mine) == wanted, f"{show(name)} stands {len(mine)} times, {wanted} expected")
        for added in mine:
            expect(added.raw.endswith(b"\r\n"), f"no line end behind {show(added.raw)}")
            after.remove(added)


def without_labels(fields):
    return [f for f in fields if f.name not in (b"content-type", b"content-transfer-encoding")]


def compare_labels(old, new):
    """Content-Type keeps its place and all but the charset; Content-Transfer-Encoding is quoted-printable."""
    expect(new.encoding == "quoted-printable", f"part {new.path} is labelled {new.encoding}")
    for name in (b"content-type", b"content-transfer-encoding"):
        count = sum(f.name == name for f in new.fields)
        expect(count <= 1, f"part {new.path}: {show(name)} stands {count} times")
    order, again = (list(dict.fromkeys(f.name for f in side.fields if f.name != b"received")) for side in (old, new))
    common = set(order) & set(again)
    order, again = ([name for name in side if name in common] for side in (order, again))
    expect(order == again, f"part {new.path}: order of fields", str(order), str(again))
    before, after = other_parameters(old), other_parameters(new)
    expect(before == after, f"part {new.path}: parameters of Content-Type", str(before), str(after))


def other_parameters(part):
    parameters = part.mime().get_params(failobj=[], unquote=True)
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


def compare_parsed(before, after, old_root, rewritten, clean):
    """The same by the email package. The trace field is taken out first: its continuation without a leading blank ends
    the header for that package, while section 1 of the contract reads it."""
    parts = list(zip_parts(email.message_from_bytes(without(before, old_root, (b"bcc", TRACE))),
                           email.message_from_bytes(after), "1"))
    for path, old, new in parts:
        compare_message(path, old, new, path in rewritten)
    if clean:
        compare_modern(before, after, rewritten)


def zip_parts(old, new, path):
    yield path, old, new
    one, other = (p.get_payload() if p.is_multipart() else [] for p in (old, new))
    expect(len(one) == len(other), f"email sees {len(one)} parts under {path} before and {len(other)} after")
    inner = "!" if old.get_content_maintype() == "message" else ""
    for index, (old_child, new_child) in enumerate(zip(one, other)):
        yield from zip_parts(old_child, new_child, f"{path}.{inner}{index + 1}")


def compare_message(path, old, new, is_rewritten):
    expect(old.get_content_type() == new.get_content_type(), f"email: type of {path}", old.get_content_type(),
           new.get_content_type())
    for what in ("preamble", "epilogue"):
        expect(getattr(old, what) == getattr(new, what), f"email: {what} of {path}", getattr(old, what) or "",
               getattr(new, what) or "")
    before, after = list(old.raw_items()), list(new.raw_items())
    is_multipart = old.get_content_maintype() == "multipart"
    skipped = set()
    if path == "1":
        del after[0]
        skipped = {"date", "message-id", "mime-version"} - {name.lower() for name, _ in before}
    if is_rewritten:
        skipped |= {"content-type", "content-transfer-encoding"}
    elif is_multipart and old.get("content-transfer-encoding", "").strip().lower() not in LEGAL_ON_MULTIPART:
        skipped.add("content-transfer-encoding")
    before, after = ([item for item in side if item[0].strip().lower() not in skipped] for side in (before, after))
    expect(before == after, f"email: header of {path}", "\n".join(map(str, before)), "\n".join(map(str, after)))
    if not is_rewritten and not old.is_multipart():
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
            expect(part.get_content_type() == "text/html", f"email takes {path} for {part.get_content_type()}")
            if part.get_content_charset() == "utf-8":
                expect(isinstance(part.get_content(), str), f"email cannot read {path}")


# MARK: Which parts

def protected(part):
    return part.content_type in ("multipart/signed", "multipart/encrypted", "multipart/report",
                                 "application/pkcs7-mime", "application/x-pkcs7-mime")


def eligible_paths(root):
    """Section 3 of the contract: leaves of text/html, at any depth of multiparts, that are no attachments."""
    paths = []

    def visit(part):
        if protected(part):
            return
        for child in part.children:
            visit(child)
        # What does not even start with a word says nothing (RFC 2183 section 2); the email package takes it for a word.
        value = (part.first(b"content-disposition") or b"").strip()
        disposition = part.mime().get_content_disposition() if re.match(rb"[\w-]", value) else None
        if not part.children and part.content_type == "text/html" and disposition in (None, "", "inline"):
            paths.append(part.path)
    visit(root)
    return paths


def has_inline_pgp(octets):
    return re.search(rb"^-----BEGIN PGP ", octets, re.M) is not None


__all__ = ["Difference", "Part", "compare_parsed", "compare_raw", "eligible_paths", "expect", "has_inline_pgp", "read"]
