"""SMTPUTF8: offered where the upstream takes it, and never taken with 250 and then lost."""

from bench import PLAIN, TRACE, Bench
from lab import check

HTML = (b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n" + TRACE
        + "\r\n<p>Grüße</p>\r\n".encode())
NAME = "From: Größe GmbH <a@example.com>\r\nTo: b@example.net\r\nSubject: x\r\n".encode() + HTML
SUBJECT = "From: Shop <a@example.com>\r\nTo: b@example.net\r\nSubject: Rechnung für März\r\n".encode() + HTML
BODY = b"From: Shop <a@example.com>\r\nTo: b@example.net\r\nSubject: x\r\n" + HTML
WANTED = b" BODY=8BITMIME SMTPUTF8"
FOREIGN = "jörg@example.net".encode()


def offered(bench):
    return b"SMTPUTF8" in bench.say(b"EHLO x")[1]


def smtputf8():
    bench = Bench("smtputf8-lacking", "--without", "SMTPUTF8")
    check(not offered(bench), "not offered before the upstream is known")
    bench.codes("an address the upstream cannot take", [250, 250, 250, 354, 550], b"EHLO x",
                b"MAIL FROM:<a@example.com>" + WANTED, b"RCPT TO:<" + FOREIGN + b">", b"DATA", PLAIN + b".\r\n")
    check(bench.counter("mail_refused_total", reason="smtputf8-not-taken") == 1, "the refusal is counted")
    for words, content in {"a name": NAME, "a subject": SUBJECT, "a body alone": BODY}.items():
        mail, _ = bench.send(f"{words} in UTF-8, with the parameter", content=content, mail=WANTED)
        check(b"Gr=C3=BC=C3=9Fe" in mail, "tracked")
    bench.send("a subject in UTF-8 without the parameter", content=SUBJECT, mail=b" BODY=8BITMIME")
    check(not offered(bench), "not offered: the upstream lacks it")
    bench.relay.stop()

    bench = Bench("smtputf8-taken")
    _, known = bench.send("an address in UTF-8", recipients=[FOREIGN], mail=WANTED)
    check(known["to"] == [FOREIGN.decode()], "it goes on as it is")
    check(offered(bench), "offered: the upstream takes it")
    bench.relay.stop()
