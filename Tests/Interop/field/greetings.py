"""What devices call themselves, or do not (RFC 5321 §4.1.4: no reason to refuse mail)."""

from bench import Bench
from lab import check


def greetings():
    bench = Bench("greetings")
    names = {b"HELO": b"unknown", b"HELO ": b"unknown", b"EHLO": b"unknown", b"EHLO 192.0.2.7": b"192.0.2.7",
             b"EHLO Some Tool 9.0": b"Some?Tool?9.0", b"HELO 00:1B:44:11:3A:B7": b"00:1B:44:11:3A:B7",
             b"EHLO shop_app_1.shop_internal": b"shop_app_1.shop_internal"}
    for line, name in names.items():
        mail, _ = bench.send(f"after {line.decode()!r}", before=[line])
        check(b"Received: from " + name + b" (" in mail, f"Received names {name.decode()}")
    mail, _ = bench.send("without HELO")
    check(b"Received: from unknown (" in mail, "Received says unknown")
    bench.relay.stop()
