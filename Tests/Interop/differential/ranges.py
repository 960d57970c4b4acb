"""A second reading of RFC 5322 and RFC 2046 by byte ranges, so that what lies between parts can be compared too.

Python's email package does not say where a part stands; this does, and what it finds is checked against that package.
"""

import email
import email.message
import re
from dataclasses import dataclass, field

TRACE = b"x-alidm-trace"
MAILBOX_LINE = b"mailbox-line"
FIELD_NAME = re.compile(rb"[^\x00-\x20\x7f:]+[ \t]*:")


def normalized(octets):
    """Each lone CR or LF becomes CRLF, as the command does before anything else; an mbox line in front (RFC 4155) is
    made the field that it is to become. The last line is ended too, as SMTP carries it."""
    octets = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    octets += b"" if octets.endswith(b"\n") else b"\r\n"
    return b"Mailbox-Line: " + octets if re.match(rb"From ", octets) and not FIELD_NAME.match(octets) else octets


@dataclass
class Field:
    raw: bytes

    @property
    def name(self):
        return self.raw.split(b":", 1)[0].rstrip(b" \t").lower()

    @property
    def value(self):
        return self.raw.split(b":", 1)[1]


@dataclass
class Part:
    path: str
    fields: list = field(default_factory=list)
    # The empty line behind the header, or nothing where a line that is no field ended it.
    separator: bytes = b""
    # Pieces of a multipart's body: bytes, or parts.
    body: list = field(default_factory=list)
    oddities: set = field(default_factory=set)
    # What it is without a Content-Type (RFC 2046 section 5.1.5).
    default_type: str = "text/plain"

    @property
    def children(self):
        return [piece for piece in self.body if isinstance(piece, Part)]

    @property
    def octets(self):
        return b"".join(piece for piece in self.body if isinstance(piece, bytes))

    @property
    def inside(self):
        """The body as it stands in the message, its parts' headers included."""
        return b"".join(piece if isinstance(piece, bytes) else b"".join(f.raw for f in piece.fields) + piece.separator
                        + piece.inside for piece in self.body)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def first(self, name):
        return next((f.value for f in self.fields if f.name == name), None)

    def mime(self):
        """An email.message of the two fields that say what the part is; the package reads their parameters."""
        message = email.message.Message()
        message.set_default_type(self.default_type)
        for name in ("Content-Type", "Content-Disposition"):
            value = self.first(name.lower().encode())
            if value is not None:
                message[name] = re.sub(r"[\r\n]", "", value.decode("ascii", "surrogateescape")).strip(" \t")
        return message

    @property
    def content_type(self):
        return self.mime().get_content_type()

    @property
    def encoding(self):
        value = self.first(b"content-transfer-encoding") or b""
        return re.match(rb"[^\s;()]*", value.strip())[0].decode("latin-1").lower()


class Reader:
    def __init__(self, octets):
        self.lines = re.findall(rb"[^\n]*\n|[^\n]+\Z", octets)
        self.index = 0
        # Boundaries of the multiparts around the position, outermost first.
        self.open = []

    def delimiter(self, line):
        """The level of the innermost multipart whose delimiter the line is, and whether it closes it."""
        text = line.rstrip(b"\r\n").rstrip(b" \t")
        if not text.startswith(b"--"):
            return None
        for level in range(len(self.open) - 1, -1, -1):
            if text == b"--" + self.open[level]:
                return level, False
        for level in range(len(self.open) - 1, -1, -1):
            if text == b"--" + self.open[level] + b"--":
                return level, True
        return None

    def part(self, path, default_type="text/plain"):
        part = Part(path, default_type=default_type)
        self.header(part)
        boundary = self.boundary(part)
        if boundary is None:
            part.body.append(self.text())
        else:
            self.multipart(part, boundary)
        return part

    def header(self, part):
        while self.index < len(self.lines) and self.delimiter(self.lines[self.index]) is None:
            line = self.lines[self.index]
            if line in (b"\r\n", b"\n"):
                part.separator = line
                self.index += 1
                return
            if line[:1] in b" \t" and part.fields:
                part.fields[-1].raw += line
            elif FIELD_NAME.match(line):
                part.fields.append(Field(line))
            elif self.is_loose(part, line):
                part.fields[-1].raw += line
            else:
                break
            self.index += 1
        part.oddities.add("no-separator")

    def is_loose(self, part, line):
        """Base64 of the trace field wrapped without a leading blank (section 1), but no delimiter."""
        return (part.path == "1" and part.fields and part.fields[-1].name == TRACE
                and re.fullmatch(rb"(?!--)[A-Za-z0-9+/_=-]+", line.rstrip(b"\r\n")))

    def boundary(self, part):
        mime = part.mime()
        if mime.get_content_maintype() != "multipart":
            return None
        boundary = mime.get_boundary()
        if not boundary:
            return None
        octets = boundary.encode("utf-8", "surrogateescape").rstrip(b" \t")
        return None if octets in self.open else octets

    def text(self):
        """Up to the next delimiter; the line end in front of it belongs to it (RFC 2046 section 5.1.1)."""
        start = self.index
        while self.index < len(self.lines) and self.delimiter(self.lines[self.index]) is None:
            self.index += 1
        return b"".join(self.lines[start:self.index])

    def multipart(self, part, boundary):
        level = len(self.open)
        self.open.append(boundary)
        part.body.append(self.text())
        while self.index < len(self.lines):
            found = self.delimiter(self.lines[self.index])
            if found[0] < level:
                break
            part.body.append(self.lines[self.index])
            self.index += 1
            if found[1]:
                self.open.pop()
                part.body.append(self.text())
                return
            inner = "message/rfc822" if part.content_type == "multipart/digest" else "text/plain"
            part.body.append(self.part(f"{part.path}.{len(part.children) + 1}", inner))
        self.open.pop()


def give_line_ends_to_delimiters(part):
    """Moves the line end in front of a delimiter from the part's body into the delimiter."""
    for index, piece in enumerate(part.body):
        if isinstance(piece, Part):
            give_line_ends_to_delimiters(piece)
            if index + 1 < len(part.body):
                part.body[index + 1] = take_line_end(piece) + part.body[index + 1]


def take_line_end(part):
    last = part.body[-1] if part.body else b""
    if isinstance(last, Part):
        return take_line_end(last)
    end = re.search(rb"\r?\n\Z", last)
    if not end:
        return b""
    part.body[-1] = last[:end.start()]
    return end[0]


def read(octets):
    part = Reader(octets).part("1")
    give_line_ends_to_delimiters(part)
    return part
