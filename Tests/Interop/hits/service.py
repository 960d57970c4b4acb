"""A relay and what the tests ask it, and mails to send through it."""

import base64
import json
import secrets
import smtplib
import sys
import unicodedata
import urllib.parse

from lab import FOLDER, FakeUpstream, Relay, check, wait_until
from wire import ask, click_path, open_path, read_key

LOCAL = 'address = "127.0.0.1:0"\n'
# No mail is sent through a relay with this upstream.
NOWHERE = 'address = "127.0.0.1:9"\ntls = "none"'


class Service(Relay):
    """lab's relay with lines of its own under [web]; `patient` tries a deferred mail again after an hour."""

    def __init__(self, name, upstream=NOWHERE, web=LOCAL, patient=False, **more):
        self.changes = [("[web]\n" + LOCAL, "[web]\n" + web)]
        if patient:
            self.changes.append(('retry = ["500ms"]', 'retry = ["1h"]'))
        super().__init__(name, upstream, **more)

    def start(self, environment=None):
        content = self.config.read_text()
        for old, new in self.changes:
            if content.count(old) != 1:
                sys.exit(f"FAILED: {old!r} does not stand in lab.py's relay.conf")
            content = content.replace(old, new)
        self.changes = []
        self.config.write_text(content)
        super().start(environment)
        self.key = read_key(self.data / "tracking.key")

    def api(self, path):
        """What the API says; None while it cannot, as with a store in trouble."""
        answer = ask(self.web, "/api/v1/" + path)
        return json.loads(answer.body) if answer.status == 200 else None

    def events(self, **query):
        """All events, oldest first; None while the store cannot be read."""
        events, after = [], 0
        while page := self.api("events?" + urllib.parse.urlencode({**query, "after": after, "limit": 1_000})):
            if not page["events"]:
                return events
            events += page["events"]
            after = page["events"][-1]["sequence"]
        return None

    def events_of(self, message, count=1):
        """The events of a message, once there are so many."""
        def there():
            found = [event for event in self.events() or () if event["message"] == message]
            return found if len(found) >= count else None
        return wait_until(there, f"storing of {count} events")

    def settled(self):
        """Events when all that came before is stored: a hit of its own is sent last, counted too, and waited for."""
        message = secrets.token_bytes(10)
        ask(self.web, open_path(self.key, message, 0))
        self.events_of(message.hex())
        return len(self.events())

    def fresh_link(self, target=b"https://www.example.test/", recipient=0, link=0):
        """A path, and the message it belongs to."""
        message = secrets.token_bytes(10)
        return click_path(self.key, message, recipient, link, target), message.hex()

    def log_size(self):
        return self.log_path.stat().st_size

    def mail(self, queue_id, status=None):
        """All about a mail, once it is stored and, with `status`, the first recipient's copy is there."""
        def there():
            detail = self.api(f"messages/{queue_id}")
            if detail and (status is None or detail["copies"] and detail["copies"][0]["status"] == status):
                return detail
            return None
        return wait_until(there, f"storing of mail {queue_id}")


def trace(tag="Test"):
    return base64.b64encode(json.dumps({"TagName": tag, "OpenTrace": "1", "LinkTrace": "1"}).encode())


def letter(subject=b"Hello", sender=b"news@shop.example", tag="Test", more=b"", link=b"https://www.example.test/a"):
    return (b"From: " + sender + b"\r\nTo: reader@mail.test\r\nSubject: " + subject + b"\r\n" + more
            + b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=UTF-8\r\nX-AliDM-Trace: " + trace(tag)
            + b"\r\n\r\n<html><body><p>Hello</p><script>alert(1)</script><a href=\"" + link
            + b"\">link</a></body></html>\r\n")


def submit(relay, recipients, content, sender="news@shop.example"):
    """Sends a mail as it stands, by commands as they stand; its queue id and the recipients that were taken."""
    with smtplib.SMTP("127.0.0.1", relay.smtp, timeout=30) as client:
        client.command_encoding = "utf-8"
        client.ehlo()
        option = "" if all(map(str.isascii, [sender, *recipients])) else " SMTPUTF8"
        code, words = client.docmd("MAIL", f"FROM:<{sender}>{option}")
        if code != 250:
            sys.exit(f"FAILED: MAIL FROM:<{sender}>: {code} {words}")
        taken = [name for name in recipients if client.docmd("RCPT", f"TO:<{name}>")[0] == 250]
        code, words = client.data(content)
        if code != 250:
            sys.exit(f"FAILED: a mail to {taken} is refused: {code} {words}")
        return words.decode().split()[-1], taken


def upstream_lines(upstream):
    return f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"'


def scripted(name, faults):
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(faults))
    return FakeUpstream(name, "--script", path)


def unsafe_lines(octets, *categories):
    """Lines that hold letters of these Unicode categories."""
    return [line for line in octets.decode().split("\n")
            if any(unicodedata.category(letter) in categories for letter in line)]


def check_log(relay):
    # What one line is must be one line to whoever reads it.
    defects = unsafe_lines(relay.log_path.read_bytes(), "Cc", "Zl", "Zp")
    check(not defects, f"the log holds no control characters {defects[:3]}")
