"""A relay in front of a fake upstream, and dialogues with it."""

import base64
import json
import re
import socket
import urllib.request

from lab import FakeUpstream, Relay, check

TRACE = b"X-AliDM-Trace: " + base64.b64encode(
    json.dumps({"TagName": "Test", "OpenTrace": "1", "LinkTrace": "1"}).encode()) + b"\r\n"
PLAIN = b"From: Shop <shop@example.com>\r\nTo: Somebody <one@example.net>\r\nSubject: hello\r\n\r\nwords\r\n"


def end_of(replies):
    """Whether a reply is there to its last line."""
    return re.search(rb"(?:^|\n)\d{3} [^\n]*\r\n$", replies) is not None


class Bench:
    def __init__(self, name, *arguments, more="", tracking="", listener=""):
        self.upstream = FakeUpstream(name + "-upstream", *arguments)
        self.relay = Relay(
            name, f'address = "127.0.0.1:{self.upstream.port}"\nca-file = "{self.upstream.authority}"\n',
            more=more, tracking=tracking, listener=listener)
        self.taken = 0

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.relay.smtp), 10)

    def say(self, *lines):
        """Says a line, waits for its reply; bytes that hold a line end are sent as they are. Returns all replies."""
        with self.connect() as peer:
            replies = [self.hear(peer)]
            for line in lines:
                peer.sendall(line if line.endswith(b"\r\n") else line + b"\r\n")
                replies.append(self.hear(peer))
        return replies

    @staticmethod
    def hear(peer):
        heard = b""
        while not end_of(heard):
            piece = peer.recv(65_536)
            if not piece:
                break
            heard += piece
        return heard

    def codes(self, words, expected, *lines):
        """Says lines and checks the codes of their replies; the banner is not counted."""
        replies = self.say(*lines)[1:]
        got = [int(reply[:3] or b"0") for reply in replies]
        check(got == expected, f"{words}: {got}" + ("" if got == expected else f", wanted {expected}"))
        return replies

    def arrives(self, words):
        """The next mail that the upstream takes: octets, and what is known of its transaction."""
        self.taken += 1
        mail, known = self.upstream.take(self.taken)
        print(f"  arrived: {words}", flush=True)
        return mail, known

    def send(
            self, words, sender=b"shop@example.com", recipients=(b"one@example.net",), content=PLAIN, before=(),
            mail=b""):
        """One mail that must be taken and arrive."""
        lines = [*before, b"MAIL FROM:<" + sender + b">" + mail]
        lines += [b"RCPT TO:<" + recipient + b">" for recipient in recipients]
        expected = [250] * len(lines) + [354, 250]
        self.codes(words, expected, *lines, b"DATA", content + b".\r\n")
        return self.arrives(words)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.relay.web}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def counter(self, name, **labels):
        """The value of a counter, 0 where it has not counted."""
        for line in self.metrics().splitlines():
            if re.match(rf"(tracerelay_)?{name}[{{ ]", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                return float(line.rsplit(" ", 1)[1])
        return 0.0
