"""Hostile HTTP, and forwarding headers."""

import collections
import ipaddress
import os
import re
import secrets
import socket
import sys
import threading
import time

from lab import check
from service import LOCAL, Service, check_log
from wire import BROWSER, Connection, ask, click_path, open_path, read_answer, statuses, talk


class SlowClient(threading.Thread):
    """An octet every two seconds until the other side has had enough; all of them wait at the same time."""

    def __init__(self, port, octets):
        super().__init__(daemon=True)
        self.port, self.octets = port, octets
        self.seconds = None
        self.start()

    def run(self):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as peer:
            rest = iter(self.octets)
            while time.monotonic() - begin < 60:
                try:
                    if (octet := next(rest, None)) is not None:
                        peer.sendall(bytes([octet]))
                    while peer.recv(4_096):
                        pass
                    break
                except TimeoutError:
                    continue
                except OSError:
                    break
        self.seconds = time.monotonic() - begin


def hostile():
    print("hostile HTTP")
    relay = Service("hostile", web=LOCAL + 'trusted-proxies = ["192.0.2.1/32"]\n')
    path, _ = relay.fresh_link()
    begin = f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode()
    slow = {
        "an octet of the header every two seconds": SlowClient(relay.web, begin),
        "an octet of the body every two seconds": SlowClient(
            relay.web, begin + b"Content-Length: 100\r\n\r\n" + b"x" * 100),
        "no octet at all": SlowClient(relay.web, b""),
    }
    for part in (target_with_lines, hosts, too_much, garbage, bodies_and_pipelines, versions, methods, head_method,
                 forwarded_untrusted):
        part(relay)
    for name, client in slow.items():
        client.join(65)
        check(client.seconds is not None and client.seconds <= 40, f"{name}: cut after {client.seconds or 99:.0f} s")
    path, message = relay.fresh_link()
    check(ask(relay.web, path).status == 302 and relay.events_of(message), "after all of it the relay serves")
    check_log(relay)
    relay.stop()


def target_with_lines(relay):
    target = b"https://www.example.test/a\r\nSet-Cookie: x=1\r\n\r\n<html>\t\0\x1f\x7f\xc3\xa9\xff"
    path, message = relay.fresh_link(target, 7, 9)
    answer = ask(relay.web, path)
    wanted = "".join(chr(octet) if 0x21 <= octet <= 0x7E else f"%{octet:02X}" for octet in target)
    check(answer.status == 302 and answer.location == wanted, f"lines in a signed target: {answer.location}")
    check("set-cookie" not in answer.fields and not answer.body, "they split no header")
    event = relay.events_of(message)[0]
    check((event.get("recipient"), event.get("link")) == (7, 9), "and no line of the journal")


def hosts(relay):
    for host in ("evil.test", "evil.test:80@127.0.0.1", "evil.test\r\nX-Injected: evil",
                 "evil.test\r\n Set-Cookie: evil", "evil.test\rSet-Cookie: evil", "evil.test\nSet-Cookie: evil",
                 "evil.test\0", "evil.test<script>", "[", ""):
        path, _ = relay.fresh_link()
        received, _ = talk(
            relay.web, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answers = statuses(received)
        leads_right = b"\r\nLocation: https://www.example.test/\r\n" in received
        if answers not in ([302], [400], []) or leads_right != (answers == [302]) or b"evil" in received:
            sys.exit(f"FAILED: Host {host!r}: {received}")
        if host == "evil.test":
            check(leads_right, "a tracking host by another name redirects all the same")
    check(True, "no Host field shows in an answer or leads elsewhere")


def refused(received, is_closed, *wanted):
    return is_closed and (not received or statuses(received) in [[status] for status in wanted])


def too_much(relay):
    path, _ = relay.fresh_link()
    begin = f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode()
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1_100) for number in range(90))
    few = b"".join(b"X-%d: y\r\n" % number for number in range(200))
    for name, octets, wanted in (
            ("a field of 100 KB", begin + b"X-A: " + b"y" * 100_000 + b"\r\n\r\n", (431,)),
            ("fields of 100 KB", begin + fields + b"\r\n", (431,)),
            ("200 fields", begin + few + b"\r\n", (431,)),
            ("a field name of 100 KB", begin + b"X" * 100_000 + b": y\r\n\r\n", (431,)),
            ("a request line of 20 KB", f"GET {path}?{'y' * 20_000} HTTP/1.1\r\nHost: a\r\n\r\n".encode(), (414, 431)),
            ("a header without end", begin + b"X: y\r\n" * 200_000, (431,))):
        received, is_closed = talk(relay.web, octets)
        check(refused(received, is_closed, *wanted), f"{name}: {statuses(received) or 'closed'}")


def garbage(relay):
    path, _ = relay.fresh_link()
    good = f"GET {path} HTTP/1.1\r\nHost: a\r\n".encode()
    for name, octets in (
            ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)), ("octets", b"\xff" * 1_000),
            ("zeros", bytes(1_000)), ("a word", b"GARBAGE\r\n\r\n"), ("SMTP", b"EHLO relay.test\r\nQUIT\r\n"),
            ("a target with a line", f"GET {path}\rSet-Cookie:x HTTP/1.1\r\n\r\n".encode()),
            ("a field without a colon", good + b"garbage\r\n\r\n"),
            ("a field name with a blank", good + b"X Y: z\r\n\r\n"),
            ("two lengths", good + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde"),
            ("a negative length", good + b"Content-Length: -1\r\n\r\n")):
        received, is_closed = talk(relay.web, octets)
        check(statuses(received) == [400] and is_closed, f"{name}: {statuses(received)}, closed: {is_closed}")
    random = 0
    for _ in range(50):
        received, is_closed = talk(relay.web, os.urandom(300) + b"\r\n\r\n")
        random += statuses(received) == [400] and is_closed
    check(random == 50, f"{random} of 50 times random octets: 400")


def bodies_and_pipelines(relay):
    (one, message), (two, other) = (relay.fresh_link(b"https://www.example.test/" + name) for name in (b"one", b"two"))
    with Connection(relay.web) as connection:
        inner = f"GET {two} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        check(connection.ask(one, body=inner).location.endswith("/one"), "a body on a link is skipped")
        check(connection.ask("/livez").body == b"ok\n", "and no request by itself")
        connection.socket.sendall(
            f"GET {one} HTTP/1.1\r\nHost: a\r\n\r\nGET {two} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        places = [read_answer(connection.stream).location for _ in range(2)]
        check([place[-3:] for place in places] == ["one", "two"], "two requests at once: two answers in their order")
        for path in (one, "/livez", two, "/livez", one):
            connection.send(path)
        kinds = [(answer.location or answer.body.decode())[-3:] for answer in
                 (read_answer(connection.stream) for _ in range(5))]
        check(kinds == ["one", "ok\n", "two", "ok\n", "one"], f"also where some take a while: {kinds}")
    relay.settled()
    counts = [len(relay.events_of(id)) for id in (message, other)]
    check(counts == [4, 2], f"each is one event: {counts}")


def versions(relay):
    path, _ = relay.fresh_link()
    for name, octets in (("HTTP/1.0", f"GET {path} HTTP/1.0\r\n\r\n"),
                         ("Connection: close", f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")):
        received, is_closed = talk(relay.web, octets.encode(), seconds=5)
        check(statuses(received) == [302] and is_closed, f"{name}: 302 and closed")
        check(re.search(rb"\r\nConnection: close\r\n", received, re.I), f"{name}: the answer says so")


def methods(relay):
    before = relay.settled()
    message = secrets.token_bytes(10)
    paths = [click_path(relay.key, message, 0, 0, b"https://www.example.test/"), open_path(relay.key, message, 0)]
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"):
        for path in paths:
            answer = ask(relay.web, path, method, fields=[("X-Secret", "mirror")],
                         body=b"a=b" if method in ("POST", "PUT", "PATCH") else b"")
            if answer.location or answer.status < 400 or b"mirror" in answer.head + answer.body:
                sys.exit(f"FAILED: {method} {path[:3]}: {answer.head}")
    check(relay.settled() == before + 1, "other methods than GET and HEAD: no redirect, no event, no echo")


def head_method(relay):
    message = secrets.token_bytes(10)
    click = click_path(relay.key, message, 0, 0, b"https://www.example.test/")
    pixel = open_path(relay.key, message, 0)
    for path in (click, pixel, "/c/bad", "/o/bad.gif"):
        get, head = (ask(relay.web, path, method, fields=[("User-Agent", BROWSER)]) for method in ("GET", "HEAD"))
        check(head.shape[:2] == get.shape[:2], f"HEAD of {path[:3]}: {head.line}, the fields are those of GET")
        received, _ = talk(relay.web, f"HEAD {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        check(received.endswith(b"\r\n\r\n") and received.count(b"\r\n\r\n") == 1, "and there is no body")
    classes = collections.Counter((event["kind"], event["result"]) for event in relay.events_of(message.hex(), 6))
    check(classes[("click", "head")] == classes[("open", "head")] == 2, f"HEAD is a class of its own: {dict(classes)}")


# MARK: Proxies

def client_of(relay, forwarded):
    """The network that is kept of a hit's client."""
    path, message = relay.fresh_link()
    fields = [("User-Agent", BROWSER), *(("X-Forwarded-For", value) for value in forwarded)]
    answer = ask(relay.web, path, fields=fields)
    if answer.status != 302:
        sys.exit(f"FAILED: X-Forwarded-For {str(forwarded)[:100]}: {answer.line}")
    client = relay.events_of(message)[0]["client"]
    return ipaddress.ip_network(client, strict=False) if client else None


def forwarded_untrusted(relay):
    for forwarded in (["203.0.113.9"], ["203.0.113.9, 192.0.2.1"], ["203.0.113.9", "192.0.2.1"], ["192.0.2.1"]):
        client = client_of(relay, forwarded)
        check(client and ipaddress.ip_address("127.0.0.1") in client,
              f"X-Forwarded-For {forwarded} of a stranger: {client}")


def proxies():
    print("X-Forwarded-For of a trusted proxy")
    relay = Service("proxies", web=LOCAL + 'trusted-proxies = ["127.0.0.1/32"]\n')
    for forwarded, wanted in (
            (["203.0.113.9"], "203.0.113.9"), (["198.51.100.7, 203.0.113.9"], "203.0.113.9"),
            (["198.51.100.7, 203.0.113.9, 127.0.0.1"], "203.0.113.9"), (["198.51.100.7", "203.0.113.9"], "203.0.113.9"),
            (["198.51.100.7,203.0.113.9 "], "203.0.113.9"), (["198.51.100.7, 2001:db8:1::5"], "2001:db8:1::5")):
        client = client_of(relay, forwarded)
        check(client and ipaddress.ip_address(wanted) in client, f"{forwarded}: {client}")
    client = client_of(relay, ["198.51.100.7, " * 999 + "203.0.113.9"])
    check(ipaddress.ip_address("203.0.113.9") in client, f"1,000 hops, the last one counts: {client}")
    for forwarded in ("127.0.0.1, " * 1_000, "unknown", "203.0.113.9:4711", "999.1.1.1", ", , ,", "198.51.100.7, x",
                      "<script>alert(1)</script>", "::ffff:::", "1." * 500, "_hidden, [2001:db8::1]:80", "\xff"):
        client = client_of(relay, [forwarded])
        # Whatever it says, the relay keeps a network or nothing, never the text.
        check(client is None or client.prefixlen >= 24, f"{forwarded[:30]!r}: {client}")
    check_log(relay)
    relay.stop()
