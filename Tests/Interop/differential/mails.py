"""Generates mails: realistic ones, ones with every structure MIME has, and byte mutations of both."""

import base64
import binascii
import json
import random
import re
from dataclasses import dataclass

import pages
import policies

# Label, Python codec, words that fit.
CHARSETS = [("utf-8", "utf-8", "latin"), ("UTF-8", "utf-8", "emoji"), ("utf8", "utf-8", "japanese"),
            ("us-ascii", "ascii", "latin"), ("iso-8859-1", "cp1252", "latin"), ("ISO-8859-15", "iso8859_15", "latin"),
            ("windows-1252", "cp1252", "latin"), ("iso-8859-2", "iso8859_2", "central"),
            ("windows-1250", "cp1250", "central"), ("iso-8859-5", "iso8859_5", "cyrillic"),
            ("windows-1251", "cp1251", "cyrillic"), ("koi8-r", "koi8_r", "cyrillic"), ("KOI8-U", "koi8_u", "cyrillic"),
            ("ibm866", "cp866", "cyrillic"), ("iso-8859-7", "iso8859_7", "greek"), ("windows-1253", "cp1253", "greek"),
            ("iso-8859-8-i", "iso8859_8", "hebrew"), ("windows-1255", "cp1255", "hebrew"),
            ("windows-1256", "cp1256", "arabic"), ("iso-8859-9", "cp1254", "latin"),
            ("windows-1257", "cp1257", "ascii"), ("windows-874", "cp874", "thai"), ("tis-620", "cp874", "thai"),
            ("gb2312", "gb18030", "chinese"), ("GBK", "gb18030", "chinese"), ("gb18030", "gb18030", "chinese"),
            ("big5", "big5", "chinese"), ("shift_jis", "cp932", "japanese"), ("euc-jp", "euc_jp", "japanese"),
            ("iso-2022-jp", "iso2022_jp", "japanese"), ("euc-kr", "cp949", "korean"),
            ("ks_c_5601-1987", "cp949", "korean"), ("iso-2022-kr", "iso2022_kr", "korean"),
            ("utf-16", "utf-16", "chinese"), ("utf-16le", "utf-16-le", "latin"), ("UTF-16BE", "utf-16-be", "japanese"),
            ("utf-7", "utf-7", "cyrillic"), ("macintosh", "mac_roman", "latin"), ("unknown-8bit", "latin-1", "latin"),
            ("x-nobody", "utf-8", "latin")]
TAGS = [policy.tag for policy in policies.POLICIES]
WIDE = ("utf-16", "UTF-16BE", "utf-16le")


@dataclass
class Case:
    number: int
    octets: bytes
    # Whether the email package's modern policy has to find it clean.
    is_clean: bool = True
    is_mutated: bool = False
    # The tag that is asked for; "none" without a trace field, "bad" where nobody could read it.
    trace: str = "none"


def boundary(rng):
    return rng.choice(["b%d", "----=_Part_%d", "=_%d", "000000%d", "Apple-Mail=_%d",
                       "a b'()+_,-./:=?%d"]) % rng.randrange(10**9)


def fold(rng, value):
    return value.replace("; ", rng.choice(["; ", ";", ";\r\n\t", ";\r\n ", " ; "]))


class Mailer:
    def __init__(self, rng):
        self.rng = rng
        self.clean = True

    # MARK: Leaves

    def encode(self, text, charset, codec):
        """The text in a charset; characters that it has not become references, as editors write them."""
        octets = text.encode(codec, "xmlcharrefreplace" if charset not in WIDE else "replace")
        rng = self.rng
        if charset == "us-ascii" and rng.random() < 0.5:
            octets = text.encode(rng.choice(["utf-8", "cp1252"]), "replace")
        if charset == "utf-8" and rng.random() < 0.04:
            octets = b"\xef\xbb\xbf" + octets
        if rng.random() < 0.03:
            place = rng.randint(0, len(octets))
            octets = octets[:place] + rng.choice([b"\x80", b"\xff", b"\x81\x20", b"\xc3\x28"]) + octets[place:]
        return octets

    def transfer(self, octets, charset):
        rng = self.rng
        octets = octets if charset in WIDE or rng.random() < 0.3 else re.sub(rb"\r\n|\n", b"\r\n", octets)
        choices = ["quoted-printable", "base64"]
        if charset not in WIDE:
            choices += ["7bit", ""] if octets.isascii() else ["8bit", "binary", "8bit"]
        encoding = rng.choice(choices)
        if encoding == "base64":
            return encoding, self.base64(octets)
        if encoding == "quoted-printable":
            return encoding, self.quoted_printable(octets)
        return encoding, octets

    def base64(self, octets):
        rng = self.rng
        width = rng.choice([76, 76, 76, 60, 72, 4, 1000])
        text = base64.b64encode(octets)
        lines = [text[start:start + width] for start in range(0, len(text), width)]
        body = b"\r\n".join(lines) + rng.choice([b"\r\n", b"", b"\r\n\r\n"])
        if rng.random() < 0.05:
            body = rng.choice([body.rstrip(b"=\r\n"), b" " + body, body.replace(b"\r\n", b" \r\n"),
                               body.replace(b"\r\n", b"\r\n!")])
        return body

    def quoted_printable(self, octets):
        rng = self.rng
        if rng.random() < 0.6:
            return re.sub(rb"\r?\n", b"\r\n", binascii.b2a_qp(octets, istext=True))
        lines = []
        for line in re.split(rb"\r?\n", octets):
            line = re.sub(rb"[^\x20-\x3c\x3e-\x7e]", lambda c: b"=%02X" % c[0][0], line.replace(b"=", b"=3D"))
            line = re.sub(rb" \Z", b"=20", line)
            while len(line) > 70 and rng.random() < 0.9:
                cut = next(n for n in (68, 69, 70, 71) if b"=" not in line[n - 2:n])
                lines.append(line[:cut] + b"=" + rng.choice([b"", b"", b" ", b"\t "]))
                line = line[cut:]
            lines.append(line + rng.choice([b"", b"", b"", b" "]))
        text = b"\r\n".join(lines)
        return text.lower() if rng.random() < 0.02 else text

    def html(self):
        rng = self.rng
        charset, codec, script = rng.choice(CHARSETS if rng.random() < 0.6 else CHARSETS[:3])
        declared = rng.choice([charset, charset, "utf-8", "iso-8859-1"])
        page = pages.page(rng, script, declared) if rng.random() < 0.98 else rng.choice(["", " ", "\r\n", "x"])
        octets = self.encode(page, charset, codec)
        encoding, body = self.transfer(octets, charset)
        kind = rng.choice(["text/html", "text/html", "TEXT/HTML", "Text/Html"])
        value = rng.choice([f'{kind}; charset={charset}', f'{kind}; charset="{charset}"',
                            f"{kind}; charset={charset}; x=y",
                            f'{kind}; format=flowed; charset="{charset}"; name="ä.html"'.encode().decode("latin-1"),
                            f"{kind}; charset*=us-ascii''{charset}",
                            f"{kind}; charset*0={charset[:3]}; charset*1={charset[3:]}",
                            f'{kind}; name="=?utf-8?B?w6QuaHRtbA==?="; charset={charset}',
                            f"{kind}; CHARSET={charset}", f"{kind}; name*0=a; charset={charset}; name*1=b",
                            f"{kind}; charset={charset} (comment)", f"{kind}; charset={charset}; Charset=koi8-r",
                            f"{kind}; charset*0*=us-ascii''{charset[:3]}; name=x; charset*1={charset[3:]}"]
                           if charset != "us-ascii" or rng.random() < 0.5 else [kind])
        fields = [("Content-Type", fold(rng, value))]
        if encoding:
            fields.append(("Content-Transfer-Encoding", rng.choice([encoding, encoding.upper(), encoding + " "])))
        if rng.random() < 0.15:
            fields.append(("Content-Disposition", rng.choice(["inline", "inline; filename=x.html", "INLINE"])))
        if rng.random() < 0.03:
            fields.append(rng.choice(fields[:2]))
            self.clean = False
        rng.shuffle(fields)
        return fields, body

    def text(self):
        charset, codec, script = self.rng.choice(CHARSETS[:20])
        octets = self.encode(pages.plain(self.rng, script), charset, codec)
        encoding, body = self.transfer(octets, charset)
        return [("Content-Type", f"text/plain; charset={charset}"),
                ("Content-Transfer-Encoding", encoding or "7bit")], body

    def attachment(self):
        rng = self.rng
        kind, name = rng.choice([("application/pdf", "offer.pdf"), ("image/png", "logo.png"),
                                 ("text/html", "page.html"), ("text/calendar; method=REQUEST", "invite.ics"),
                                 ("application/octet-stream", "x"), ("text/x-amp-html", "amp")])
        octets = bytes(rng.randrange(256) for _ in range(rng.randint(0, 200)))
        if kind.startswith("text/"):
            octets = rng.choice([b"<a href='https://attached.example.com/'>x</a>\r\n",
                                 b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"])
        shown = rng.choice([f'filename="{name}"', f"filename*=utf-8''%C3%A4{name}",
                            f"filename*0={name[:2]};\r\n filename*1={name[2:]}",
                            f'filename="=?utf-8?Q?=C3=A4?={name}"'])
        return [("Content-Type", f'{kind}; name="{name}"'), ("Content-Transfer-Encoding", "base64"),
                ("Content-Disposition", f"attachment; {shown}")], base64.encodebytes(octets).replace(b"\n", b"\r\n")

    def inline_image(self):
        return [("Content-Type", "image/gif"), ("Content-ID", "<image1@example.com>"),
                ("Content-Disposition", "inline"), ("Content-Transfer-Encoding", "base64")
                ], b"R0lGODlhAQABAAAAACwAAAAAAQABAAA=\r\n"

    def forwarded(self):
        inner = self.entity(self.html() if self.rng.random() < 0.5 else self.alternative())
        octets = b"From: x@example.com\r\nSubject: inner\r\nX-AliDM-Trace: e30=\r\nMIME-Version: 1.0\r\n" + inner
        fields = [("Content-Type", "message/rfc822"),
                  ("Content-Disposition", self.rng.choice(["attachment", "inline"]))]
        if self.rng.random() < 0.1:
            # RFC 2046 section 5.2.1 forbids it; some mailers do it all the same, and readers decode it.
            body = base64.encodebytes(octets).replace(b"\n", b"\r\n")
            return fields + [("Content-Transfer-Encoding", "base64")], body
        return fields, octets

    # MARK: Multiparts

    def entity(self, part):
        fields, body = part
        if self.rng.random() < 0.004:
            # The empty line behind the header is missing; the next line is no field, or a delimiter.
            self.clean = False
            return self.fields(fields) + self.rng.choice([b"", b"no field\r\n" + body])
        return self.fields(fields) + b"\r\n" + body

    def fields(self, fields):
        return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)

    def multipart(self, subtype, parts, parameters=""):
        rng = self.rng
        mark = boundary(rng)
        delimiter = b"--" + mark.encode()
        body = rng.choice([b"", b"", b"This is a multi-part message in MIME format.\r\n", b"\r\n",
                           b"<a href='https://pre.example.com/'>\r\n"])
        for part in parts:
            body += delimiter + rng.choice([b"", b"", b"", b" ", b"\t "]) + b"\r\n" + self.entity(part) + b"\r\n"
        if rng.random() < 0.96:
            body += delimiter + b"--" + rng.choice([b"\r\n", b"", b"\r\n\r\n", b" \r\n",
                                                    b"\r\nepilogue <a href='https://epi.example.com'>\r\n"])
        else:
            self.clean = False
        fields = [("Content-Type", fold(rng, f'multipart/{subtype}; {parameters}boundary="{mark}"'))]
        roll = rng.random()
        if roll < 0.06:
            for _ in range(rng.choice([1, 1, 2])):
                fields.append(("Content-Transfer-Encoding", rng.choice(["quoted-printable", "base64", "x-unknown"])))
            self.clean = False
        elif roll < 0.2:
            fields.append(("Content-Transfer-Encoding", rng.choice(["7bit", "8bit", "binary"])))
        return fields, body

    def alternative(self):
        parts = [self.text(), self.html()]
        if self.rng.random() < 0.1:
            parts.insert(self.rng.randint(0, 2), self.html())
        if self.rng.random() < 0.1:
            parts.append(([("Content-Type", "text/calendar; method=REQUEST; charset=utf-8")],
                          b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"))
        return self.multipart("alternative", parts)

    def related(self):
        return self.multipart("related", [self.rng.choice([self.html, self.alternative])(), self.inline_image()],
                              'type="text/html"; ')

    def signed(self):
        return self.multipart("signed", [self.rng.choice([self.html, self.alternative])(),
                                         ([("Content-Type", "application/pgp-signature")],
                                          b"-----BEGIN PGP SIGNATURE-----\r\n")],
                              "protocol=\"application/pgp-signature\"; ")

    def digest(self):
        inner = (b"From: a@example.com\r\nContent-Type: text/html\r\n\r\n"
                 b"<a href='https://d.example.com/'>x</a>\r\n")
        return self.multipart("digest", [([], inner), ([("Content-Type", "text/plain")], b"x\r\n")])

    def report(self):
        return self.multipart("report", [self.html(), ([("Content-Type", "message/delivery-status")],
                                                       b"Reporting-MTA: dns; x\r\n\r\nAction: failed\r\n")],
                              "report-type=delivery-status; ")

    def attached_multipart(self):
        fields, body = self.alternative()
        return fields + [("Content-Disposition", "attachment; filename=x")], body

    def mixed(self):
        makers = [self.html, self.text, self.alternative, self.related, self.attachment, self.forwarded, self.signed,
                  self.inline_image, self.digest, self.attached_multipart]
        weights = [4, 2, 3, 3, 4, 2, 1, 1, 1, 1]
        count = self.rng.randint(1, 4)
        return self.multipart(self.rng.choice(["mixed", "mixed", "x-unknown", "parallel"]),
                              [make() for make in self.rng.choices(makers, weights, k=count)])

    # MARK: The message

    def trace(self):
        """Section 1: the field in a form seen in the wild, and the tag it asks for."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.03:
            return [], "none"
        opens, clicks = rng.choice([(1, 1)] * 8 + [(1, 0), (0, 1), (0, 0)])
        tag = rng.choices(TAGS, policies.WEIGHTS)[0] if roll > 0.04 else "Unknown"
        value = json.dumps({"TagName": tag, "OpenTrace": str(opens), "LinkTrace": str(clicks)},
                           indent=rng.choice([None, None, 2]), separators=rng.choice([(",", ":"), (", ", ": ")]))
        text = base64.b64encode(value.encode()).decode()
        if roll > 0.98:
            return [("X-AliDM-Trace", rng.choice(["!!!", text[:20], "e30=", ""]))], "bad"
        return [(rng.choice(["X-AliDM-Trace", "x-alidm-trace"]), self.wrapped(text))], tag

    def wrapped(self, text):
        form = self.rng.random()
        if form < 0.1:
            return text[:40] + "\r\n " + text[40:]
        if form < 0.15:
            self.clean = False
            return text[:40] + "\r\n" + text[40:]
        if form < 0.2:
            return f"=?utf-8?q?{text.replace('=', '=3D')}?="
        if form < 0.25:
            return text.rstrip("=").replace("+", "-").replace("/", "_")
        return text

    def header(self):
        rng = self.rng
        fields = [("From", rng.choice(["News <news@shop.example>", "=?utf-8?B?TsOkbWU=?= <n@shop.example>"])),
                  ("To", "ann@customer.example"),
                  ("Subject", rng.choice(["Sale", "=?gb2312?B?z/HL2A==?=\r\n =?gb2312?B?z/HL2A==?=", "long " * 30,
                                          "ä".encode().decode("latin-1"), ""]))]
        optional = [("Date", "Tue, 24 Nov 2026 10:00:00 +0000"), ("Message-ID", "<1@shop.example>"),
                    ("Bcc", "secret@customer.example"), ("bcc", "a@x.example,\r\n b@x.example"),
                    ("List-Unsubscribe", "<mailto:u@example.org>, <https://list.example.org/unsubscribe?u=1&l=2>"),
                    ("List-Unsubscribe", "<https://list.example.org/off>"), ("X-AliDM-Settings", "e30="),
                    ("X-Mailer", "  spaced \t"), ("Received", "from a by b;\r\n\tTue, 24 Nov 2026 10:00:00 +0000"),
                    (rng.choice(["DKIM-Signature", "ARC-Message-Signature", "DomainKey-Signature"])
                     if rng.random() < 0.25 else "X-Sig", "v=1; a=rsa-sha256;\r\n b=x"),
                    ("Resent-Bcc", "x@x.example"), ("Return-Path", "<x@x.example>"), ("Content-Length", "9")]
        if rng.random() < 0.1:
            optional += [("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ=="), ("Lines", "9")]
        fields += [item for item in optional if rng.random() < 0.35]
        if rng.random() < 0.9:
            fields.append((rng.choice(["MIME-Version", "Mime-Version"]), "1.0"))
        return fields

    def message(self):
        rng = self.rng
        makers = [self.html, self.alternative, self.related, self.mixed, self.signed, self.report, self.text,
                  self.attachment]
        content, body = rng.choices(makers, [25, 25, 10, 32, 2, 2, 2, 2])[0]()
        field, trace = self.trace()
        head = self.header() + field
        rng.shuffle(head)
        fields = head + content if rng.random() < 0.8 else content + head
        octets = self.fields(fields) + b"\r\n" + body
        if rng.random() < 0.005:
            self.clean = False
            octets = self.fields(fields) + (body if re.match(rb"[^:\r\n]*\r\n", body) else b"\r\n" + body)
        if rng.random() < 0.004:
            self.clean = False
            octets = b"From news@shop.example Tue Nov 24 10:00:00 2026\r\n" + octets
        return octets if octets.endswith(b"\n") else octets + b"\r\n", trace


# MARK: Mutation

def mutate(rng, octets, other):
    """A few of: flip, insert, delete, duplicate a span, splice two messages."""
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        place = rng.randrange(len(octets) + 1)
        if rng.random() < 0.4:
            place = rng.randrange(min(len(octets), 1_200) + 1)
        kind = rng.randrange(8)
        span = rng.choice([1, 1, 2, 5, 20, 100])
        if kind == 0 and place < len(octets):
            octets = octets[:place] + bytes([octets[place] ^ 1 << rng.randrange(8)]) + octets[place + 1:]
        elif kind in (1, 2):
            octets = octets[:place] + rng.choice(INSERTIONS) + octets[place:]
        elif kind in (3, 4):
            octets = octets[:place] + octets[place + span:]
        elif kind == 5:
            octets = octets[:place + span] + octets[place:]
        elif kind == 6:
            octets = octets[:place] + other[rng.randrange(len(other) + 1):]
        else:
            target = rng.randrange(len(octets) + 1)
            octets = octets[:target] + octets[place:place + span] + octets[target:]
    return octets


INSERTIONS = [b"<", b">", b"\"", b"'", b"=", b"&", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\x00", b"\x80", b"\xff",
              b"--", b"-->", b"<!--", b" ", b"\t", b";", b":", b"/", b"=\r\n", b"<script>", b"</script>", b"<svg>",
              b"<![CDATA[", b"]]>", b"<a href=", b"</a>", b"</body>", b"<body>", b"Content-Type: text/html\r\n",
              b"Content-Transfer-Encoding: base64\r\n", b"\x1b$B", b"\xef\xbb\xbf", b"(", b")", b"<textarea>",
              b"</title>", b"=41", b"\xe4\xbd", b"<plaintext>", b"\x0c", b"<!--[if mso]>", b"<![endif]-->", b"#",
              b"\\", b"*", b"From x\r\n", b"%", b"<math>", b"</svg>", b"<table>", b"<p>"]


def line_ends(rng, octets):
    roll = rng.random()
    if roll < 0.15:
        return octets.replace(b"\r\n", b"\n")
    if roll < 0.2:
        # A lone CR and a lone LF behind it would be one line end.
        result = b""
        for piece in re.split(rb"(\r\n)", octets):
            end = rng.choice([b"\r\n", b"\n", b"\r"]) if piece == b"\r\n" else piece
            result += b"\r\n" if end == b"\n" and result.endswith(b"\r") else end
        return result
    return octets


def case(seed, number):
    """The same case for the same seed and number, whatever ran before."""
    rng = random.Random(f"{seed}:{number}")
    mailer = Mailer(rng)
    octets, trace = mailer.message()
    if number % 3 == 2:
        other, _ = Mailer(rng).message()
        return Case(number, mutate(rng, octets, other), is_clean=False, is_mutated=True, trace=trace)
    return Case(number, line_ends(rng, octets), is_clean=mailer.clean, trace=trace)
