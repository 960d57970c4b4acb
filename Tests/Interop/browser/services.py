"""What the browser meets: the demo, relays with waiting mail, and a site of readers and strangers."""

import collections
import http.server
import json
import re
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
import urllib.request

from lab import COMMAND, FOLDER, Relay, check, children, wait_until


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode(errors="replace")


def letter(html, trace, subject="Hello", sender="news@shop.example", recipient="ann@customer.example"):
    return (f"From: {sender}\r\nTo: {recipient}\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/html; charset=UTF-8\r\nX-AliDM-Trace: {trace}\r\n\r\n{html}\r\n").encode()


def send(port, content, sender="news@shop.example", recipients=("ann@customer.example",)):
    """Its queue id."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        client.mail(sender)
        for recipient in recipients:
            client.rcpt(recipient)
        code, words = client.data(content)
        if code != 250:
            sys.exit(f"FAILED: {code} {words}")
        return words.decode().split()[-1]


class Console:
    """The API beside the pages."""

    def api(self, path):
        return json.loads(ask(f"{self.url}/api/v1/{path}"))

    def events(self):
        return self.api("events?limit=1000")["events"]


class Demo(Console):
    """`tracerelay demo`, and what it prints."""

    def __init__(self):
        self.smtp, self.web = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.web}"
        self.lines = []
        self.process = subprocess.Popen(
            [COMMAND, "demo", "--smtp", f"127.0.0.1:{self.smtp}", "--web", f"127.0.0.1:{self.web}",
             "--directory", FOLDER / "demo"], stdout=subprocess.PIPE, text=True)
        children.append(self.process)
        threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True).start()
        words = self.printed("Ctrl-C ends the demo", "the demo's welcome")
        self.trace = re.search(r"X-AliDM-Trace: ([\w=+/]+)", words)[1]

    def printed(self, words, what):
        """All that was printed, once `words` are in it."""
        return wait_until(lambda: (text := "".join(self.lines)) and words in text and text, what)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        check(self.process.wait(30) == 0, "the demo ends by Ctrl-C with status 0")


class Waiting(Relay, Console):
    """A relay whose upstream is down: whatever it takes waits. `web` holds more lines of [web]."""

    def __init__(self, name, web="", tracking=""):
        self.more_web = web
        super().__init__(name, 'address = "127.0.0.1:9"\ntls = "none"', tracking=tracking)
        self.url = f"http://127.0.0.1:{self.web}"

    def start(self, environment=None):
        content = self.config.read_text()
        # A deferred mail stays as it is while pages are looked at.
        for old, new in (('retry = ["500ms"]', 'retry = ["1h"]'), ("[web]\n", f"[web]\n{self.more_web}")):
            if content.count(old) != 1:
                sys.exit(f"FAILED: {old!r} does not stand in lab.py's relay.conf")
            content = content.replace(old, new)
        self.config.write_text(content)
        super().start(environment)

    def queue(self, queue_id):
        """What waits under this id, or None."""
        return next((mail for mail in self.api("queue")["queue"] if mail["id"] == queue_id), None)


class Site:
    """A reader's webmail, the shop that links lead to, and a stranger's page; counts what is asked of it."""

    def __init__(self):
        self.pages = {"/icon": ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>")}
        self.requests = collections.defaultdict(list)
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                if path != "/favicon.ico":
                    site.requests[self.path].append(time.time())
                kind, text = site.pages.get(path, ("text/html", "<title>Offers</title><h1>The shop</h1>"))
                content = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path, host="www.shop.example"):
        return f"http://{host}:{self.port}{path}"
