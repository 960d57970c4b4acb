"""Transactions one in the other, one behind the other, and empty ones (RFC 5321 §4.1.4)."""

from bench import PLAIN, Bench
from lab import check


def transactions():
    bench = Bench("transactions")
    first = [b"MAIL FROM:<a@example.com>", b"RCPT TO:<b@example.net>"]
    dot = PLAIN + b".\r\n"
    bench.codes("MAIL inside a transaction", [250, 250, 503, 354, 250], *first,
                b"MAIL FROM:<c@example.com>", b"DATA", dot)
    _, known = bench.arrives("the first one")
    check((known["from"], known["to"]) == ("a@example.com", ["b@example.net"]), "nothing of it is lost")
    bench.codes("RSET undoes no mail, and none is needed", [250, 250, 354, 250, 250, 250, 250, 250, 354, 250],
                *first, b"DATA", dot, b"RSET", b"NOOP keep", *first, b"DATA", dot)
    bench.arrives("before RSET"), bench.arrives("behind RSET")
    bench.codes("no recipient", [250, 501, 554, 503, 250, 250], b"MAIL FROM:<a@example.com>",
                b"RCPT TO:<a b@example.net>", b"DATA",
                b"MAIL FROM:<c@example.com>", b"RSET", b"MAIL FROM:<c@example.com>")
    bench.codes("no content", [250, 250, 354, 250, 221], *first, b"DATA", b".", b"QUIT")
    mail, _ = bench.arrives("no content")
    check(mail.endswith(b"\r\n\r\n"), "an empty content is a mail")
    check(bench.counter("mail_accepted_total") == 4, "as many were counted as were taken")
    bench.relay.stop()
