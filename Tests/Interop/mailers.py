import email
import email.policy
import json
import pathlib
import queue
import re
import smtplib
import socket
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser

from lab import COMMAND, FOLDER, FakeUpstream, Relay, check, children, wait_until

HERE = pathlib.Path(__file__).resolve().parent
JAVA_PATH = "/usr/share/java/javax.mail.jar:/usr/share/java/javax.activation.jar"


class Elements(HTMLParser):
    """The links and images of a document."""

    def __init__(self, text):
        super().__init__()
        self.links, self.images = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.links.append(dict(attributes))
        if tag == "img":
            self.images.append(dict(attributes))


def curl(relay, url):
    """Asks the relay's web service for a URL of the tracking host: status line, header fields, octets of the body."""
    path = url.removeprefix("https://track.example.test")
    assert path != url, url
    answer = subprocess.run(
        ["curl", "-sS", "-i", "--path-as-is", f"http://127.0.0.1:{relay.web}{path}", "-A", "Mozilla/5.0 Firefox/130.0"],
        check=True, capture_output=True).stdout
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return lines[0], {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}, body


class Follower:
    """`tracerelay events --follow --json`: the events with the time each was seen."""

    def __init__(self, relay):
        self.events = queue.Queue()
        self.process = subprocess.Popen(
            [COMMAND, "events", "--follow", "--since", "1h", "--json", "--config", relay.config],
            stdout=subprocess.PIPE, text=True)
        children.append(self.process)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.put((time.monotonic(), json.loads(line)))

    def wait(self, kind, target=None):
        end = time.monotonic() + 10
        while True:
            try:
                seen, event = self.events.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                sys.exit(f"FAILED: no event {kind} {target or ''}")
            if event["kind"] == kind and (target is None or event.get("url") == target):
                return seen, event


def check_arrival(content, expected_links):
    """What the issue promises of a tracked mail; its first HTML part's elements."""
    check(b"x-alidm-trace" not in content.lower(), "X-AliDM-Trace is gone")
    message = email.message_from_bytes(content, policy=email.policy.default)
    check(not message.defects, f"Python's email package finds no defect: {message.defects}")
    for part in message.walk():
        if part.is_multipart():
            check(part.get("Content-Transfer-Encoding", "7bit").lower() in ("7bit", "8bit", "binary"),
                  f"{part.get_content_type()} bears no illegal encoding label")
    html = next(part for part in message.walk() if part.get_content_type() == "text/html")
    check(re.fullmatch(r'text/html; *charset="?utf-8"?', str(html["Content-Type"]), re.I),
          f"HTML part is {html['Content-Type']}")
    check(html["Content-Transfer-Encoding"] == "quoted-printable", "HTML part is quoted-printable")
    body = content.split(b"\r\n\r\n", 1)[1]
    check(max(map(len, body.split(b"\r\n"))) <= 76, "no line is longer than 76")
    check(body.count(b"\n") == body.count(b"\r\n"), "every line ends in CRLF")
    text = html.get_payload(decode=True).decode("utf-8")
    elements = Elements(text)
    check(len(elements.images) == 1, "one pixel")
    check(elements.images[0]["src"].startswith("https://track.example.test/"), "the pixel is an https URL of ours")
    check(len(elements.links) == expected_links, f"{expected_links} link(s)")
    return text, elements


def main():
    upstream = FakeUpstream()
    relay = Relay("relay", f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"')
    follower = Follower(relay)
    arrived = 0

    print("smtplib: the vendor's Python sample")
    subprocess.run([sys.executable, HERE / "mailers/python_sample.py", str(relay.smtp)], check=True)
    arrived += 1
    content, envelope = upstream.take(arrived)
    check(envelope["to"] == ["ann@customer.example"] and envelope["from"] == "news@shop.example", "envelope")
    check(envelope["tls"].split()[0] in ("TLSv1.3", "TLSv1.2"), f"came over {envelope['tls']}")
    _, elements = check_arrival(content, 1)
    link = elements.links[0]["href"]
    status, fields, _ = curl(relay, link)
    clicked = time.monotonic()
    check(status.split()[1] == "302" and fields["location"] == "https://www.aliyun.com", f"the link: {status}")
    seen, event = follower.wait("click", "https://www.aliyun.com")
    check(seen - clicked < 1, f"click in events --follow after {max(0, seen - clicked) * 1000:.0f} ms")
    check(event["tag"] == "Test", "under its tag")
    status, fields, body = curl(relay, elements.images[0]["src"])
    opened = time.monotonic()
    check(status.split()[1] == "200" and fields["content-type"] == "image/gif" and body[:4] == b"GIF8", f"the pixel: {status}")
    seen, _ = follower.wait("open")
    check(seen - opened < 1, f"open in events --follow after {max(0, seen - opened) * 1000:.0f} ms")

    print("smtplib: both links of the page, one of them marked data-alidm-traceoff")
    subprocess.run([sys.executable, HERE / "mailers/python_sample.py", str(relay.smtp), "two"], check=True)
    arrived += 1
    text, elements = check_arrival(upstream.take(arrived)[0], 2)
    check("Grüße" in text, "text outside ASCII is whole")
    check(elements.links[1] == {"href": "http://www.aliyun.com", "data-alidm-traceoff": None}, "traceoff link untouched")
    status, fields, _ = curl(relay, elements.links[0]["href"])
    check(fields["location"] == "https://www.aliyun.com/a?b=1&c=%20d#e", "302 to the original, byte for byte")
    token = elements.links[0]["href"]
    status, fields, _ = curl(relay, token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1])
    check(status.split()[1] == "404" and "location" not in fields, f"a changed token redirects nowhere: {status}")

    print("JavaMail: the vendor's Java sample")
    subprocess.run(["java", "-cp", JAVA_PATH, HERE / "mailers/JavaSample.java", str(relay.smtp)], check=True)
    arrived += 1
    _, elements = check_arrival(upstream.take(arrived)[0], 1)
    status, fields, _ = curl(relay, elements.links[0]["href"])
    check(fields["location"] == "https://www.aliyun.com", "the link leads to the original")

    print("swaks: no trace header, nothing changes but Received")
    plain = (FOLDER / "plain.eml")
    plain.write_bytes(
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\nMessage-ID: <1@shop.example>\nFrom: a@shop.example\nTo: b@c.example\n"
        b"Subject: =?gb2312?B?z/HL2A==?=  folded\n\tSo\nMIME-Version: 1.0\nContent-Type: text/html; charset=gb2312\n"
        b"Content-Transfer-Encoding: 8bit\n\n<a href=http://a.example/>\xcf\xf1\xcb\xd8</a>\n..\n.dot \t \n")
    subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{relay.smtp}", "--from", "a@shop.example", "--to", "b@c.example,d@c.example",
         "--data", "@" + str(plain)], check=True, stdout=subprocess.DEVNULL)
    arrived += 1
    content, envelope = upstream.take(arrived)
    check(envelope["to"] == ["b@c.example", "d@c.example"], "both recipients in one transaction")
    received, rest = re.fullmatch(rb"(Received: .*?\r\n)(?![ \t])(.*)", content, re.S).groups()
    sent = plain.read_bytes().replace(b"\n", b"\r\n")
    check(rest in (sent, sent + b"\r\n"), "every byte behind Received is as sent")
    check(b"relay.test" in received and b"ESMTP" in received, "Received: " + " ".join(received.decode().split()))

    print("openssl s_client: a listener with STARTTLS and passwords")
    certificate, key = FOLDER / "tls.pem", FOLDER / "tls.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=relay.test", "-addext", "subjectAltName=DNS:relay.test", "-keyout", key, "-out", certificate],
        check=True, capture_output=True)
    users = FOLDER / "users"
    users.write_text(subprocess.run([COMMAND, "password", "app"], input="secret\n", check=True, capture_output=True, text=True).stdout)
    secure = Relay(
        "secure", f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"',
        listener=f'tls = "starttls"\ncertificate-file = "{certificate}"\nkey-file = "{key}"\nauth-file = "{users}"')
    session = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{secure.smtp}", "-starttls", "smtp", "-CAfile", certificate,
         "-verify_return_error", "-verify_hostname", "relay.test", "-quiet", "-crlf", "-ign_eof"],
        input="EHLO a\nMAIL FROM:<a@shop.example>\nRCPT TO:<b@c.example>\nDATA\nSubject: by hand\n\nhello\n.\nQUIT\n",
        capture_output=True, text=True, timeout=30).stdout
    check("354 " in session and "\n221 " in session, "a mail typed through s_client")
    arrived += 1
    check(b"ESMTPS" in upstream.take(arrived)[0], "Received says ESMTPS")
    for password, status in (("secret", 0), ("wrong", 28)):
        answer = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{secure.smtp}", "--tls", "--auth", "PLAIN", "--auth-user", "app",
             "--auth-password", password, "--from", "a@shop.example", "--to", "b@c.example"], capture_output=True, text=True)
        check(answer.returncode == status, f"swaks --tls --auth PLAIN with password {password!r}: exit {answer.returncode}")
    arrived += 1
    check(b"ESMTPSA" in upstream.take(arrived)[0], "Received says ESMTPSA")
    secure.stop()

    print("Direct Mail's profile: AUTH with systemd's credential, its reply, its rule on the sender")
    strict = FakeUpstream("strict", "--profile", "directmail", "--require-auth", "--credentials", "news@shop.example:right")
    credentials = FOLDER / "credentials"
    credentials.mkdir()
    (credentials / "upstream-default-password").write_text("right\n")
    login = Relay(
        "login", f'address = "127.0.0.1:{strict.port}"\nca-file = "{strict.authority}"\nusername = "news@shop.example"\n'
        'preset = "directmail"\npassword-file = "/nonexistent/password"',
        environment={"CREDENTIALS_DIRECTORY": str(credentials)})
    subprocess.run([sys.executable, HERE / "mailers/python_sample.py", str(login.smtp)], check=True)
    _, envelope = strict.take(1)
    check(envelope["user"] == "news@shop.example", "logged in with the credential")
    check("###envid=" in login.wait_for_log("status=sent"), "the upstream's envid stands in the log")
    with smtplib.SMTP("127.0.0.1", login.smtp) as client:
        client.sendmail("other@shop.example", ["b@c.example"], b"Subject: x\r\n\r\nx\r\n")
    line = next(l for l in login.wait_for_log("status=bounced").splitlines() if "status=bounced" in l)
    check("436" in line, f"a foreign sender fails for good: {line[line.index('status='):]}")
    login.stop()

    print("garbage")
    for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00" * 50, b"\xff" * 100_000,
                    b"EHLO \x00\r\n" * 30, b"DATA\r\n.\r\n" * 100):
        with socket.create_connection(("127.0.0.1", relay.smtp), timeout=20) as stranger:
            try:
                stranger.sendall(garbage)
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(65536):
                    pass
            except ConnectionError:
                pass
    with smtplib.SMTP("127.0.0.1", relay.smtp) as client:
        check(client.noop()[0] == 250, "the relay answers after all of it")
    for line in relay.log().splitlines():
        if not line.isprintable():
            sys.exit(f"FAILED: an unescaped octet in the log: {line!r}")
    relay.stop()


main()
