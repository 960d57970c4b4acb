"""Addresses as they are written, and what goes upstream."""

from bench import PLAIN, Bench
from lab import check

TOKEN = b"0123456789abcdef" * 5


def addresses():
    bench = Bench("addresses")
    same = [b"reply+" + TOKEN + b"@example.net", b"two..dots.@carrier.example", b'"john doe"@example.net',
            b'"very.(),:;<>[]\\".VERY.\\"very@\\\\ \\"very\\".unusual"@strange.example.net', b"dev@localhost"]
    for address in same:
        _, known = bench.send(f"to {address.decode()}", recipients=[address])
        check(known["to"] == [address.decode()], "passed on as it is")
    _, known = bench.send("from a VERP sender", sender=b"bounces+" + TOKEN + b"-one=example.net@example.com")
    check(known["from"].startswith("bounces+0123"), "passed on as it is")
    _, known = bench.send("with the root's dot", sender=b"a@example.com.", recipients=[b"b@example.net."])
    check((known["from"], known["to"]) == ("a@example.com", ["b@example.net"]), "the root's dot does not go on")

    for lines in ([b"HELO raid", b"MAIL FROM: alert@example.com", b"RCPT TO: admin@example.net"],
                  [b"EHLO raid", b"MAIL FROM:alert@example.com SIZE=200 BODY=7bit", b"RCPT TO:admin@example.net"]):
        bench.codes("without brackets", [250, 250, 250, 354, 250], *lines, b"DATA", PLAIN + b".\r\n")
        _, known = bench.arrives("without brackets")
        check((known["from"], known["to"]) == ("alert@example.com", ["admin@example.net"]), "the same addresses")

    replies = bench.codes(
        "no domain", [501, 250, 501], b"MAIL FROM:<root>", b"MAIL FROM:<a@example.com>", b"RCPT TO:<root>")
    check(all(b'"root" has no domain' in replies[index] for index in (0, 2)), "the reply names the defect")
    bench.codes("two @", [250, 501], b"MAIL FROM:<a@example.com>", b"RCPT TO:<a@a.example@b.example>")
    bench.codes("a parameter twice", [501], b"MAIL FROM:<a@example.com> SIZE=1 SIZE=2")
    bench.codes("AUTH= as xtext", [250, 250, 501, 501], b"MAIL FROM:<a@example.com> AUTH=e+3Dmc2@example.com", b"RSET",
                b"MAIL FROM:<a@example.com> AUTH=a+0D+0Ab", b"MAIL FROM:<a@example.com> AUTH=a+4")
    bench.relay.stop()
