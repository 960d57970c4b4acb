"""One copy for each mailbox, and blind ones that nobody sees."""

import time

from bench import PLAIN, TRACE, Bench
from lab import check

HTML = (b"From: a@example.com\r\nTo: b@example.net\r\nCc: b@example.net\r\nSubject: s\r\n" + TRACE
        + b'Content-Type: text/html\r\n\r\n<a href="https://example.com/">x</a>\r\n')


def copies():
    for mode in ("split", "shared"):
        bench = Bench(f"copies-{mode}", tracking=f'recipients = "{mode}"')
        for words, content in {"tracked": HTML, "untracked": PLAIN}.items():
            twice = [b"b@example.net", b"b@example.net", b"b@EXAMPLE.net"]
            _, known = bench.send(f"an address three times, {words}, {mode}", recipients=twice, content=content)
            check([to.lower() for to in known["to"]] == ["b@example.net"], "goes once")
        different = [b"b@example.net", b"B@example.net"]
        _, known = bench.send("two mailboxes", recipients=different, content=HTML)
        to = known["to"] + (bench.arrives("the other")[1]["to"] if mode == "split" else [])
        check(sorted(to) == ["B@example.net", "b@example.net"], "local parts that differ by case are two")
        time.sleep(1)
        check(len(bench.upstream.numbers()) == bench.taken, "nothing else arrives")
        bench.relay.stop()


def blind():
    bench = Bench("blind")
    rest = b"From: o@example.com\r\nTo: p@example.net\r\nSubject: s\r\n"
    headers = {
        "Bcc": b"BCC: x@secret.example\r\nBcc : y@secret.example\r\n"
               b"bcc:\r\n z@secret.example,\r\n\tq@secret.example\r\n",
        "Resent-Bcc": b"Resent-From: a@example.com\r\nResent-To: b@example.net\r\n"
                      b"resent-bcc :\r\n x@secret.example\r\n",
        "Return-Path": b"Return-Path: <x@secret.example>\r\n"}
    for words, header in headers.items():
        for tail in (b"\r\nt\r\n", TRACE + b"Content-Type: text/html\r\n\r\n<p>t\r\n"):
            mail, _ = bench.send(words, content=header + rest + tail)
            check(b"secret" not in mail and b"p@example.net" in mail, f"{words} does not go on")
    bench.relay.stop()
