"""Logins: any on loopback, checked names where there is a file, and guessers who hold up nobody."""

import base64
import subprocess
import threading
import time

from bench import PLAIN, Bench
from lab import COMMAND, FOLDER, check


def encoded(*parts):
    return base64.b64encode(b"\0".join(parts))


def logins():
    bench = Bench("logins")
    plain = {"another identity": (b"shop", b"u@example.com", b"pw"), "the same identity": (b"u", b"u", b"pw"),
             "no name": (b"", b"", b"pw"), "octets that are no UTF-8": (b"", b"J\xf6rg", b"p\xf6")}
    for words, parts in plain.items():
        bench.codes(f"PLAIN with {words}", [250, 235], b"EHLO x", b"AUTH PLAIN " + encoded(*parts))
    gbk = base64.b64encode("陈".encode("gbk"))
    bench.codes("LOGIN with a name in GBK", [250, 334, 334, 235], b"EHLO x", b"AUTH LOGIN", gbk, b"cHc=")
    bench.codes("LOGIN with an empty password", [250, 334, 334, 235], b"EHLO x", b"AUTH LOGIN", b"dQ==", b"\r\n")
    bench.codes("auth login behind HELO", [250, 334, 235], b"HELO printer", b"auth login dQ==", b"cHc=")
    long = encoded(b"", b"u", b"t" * 8_000)
    bench.codes("a token of 8,000 octets at once", [250, 235], b"EHLO x", b"AUTH PLAIN " + long)
    bench.codes("the token at the prompt", [250, 334, 235], b"EHLO x", b"AUTH PLAIN", long)
    bench.codes("more than RFC 4954 has", [250, 500], b"EHLO x", b"AUTH PLAIN " + b"A" * 13_000)
    bench.codes("what is no base64", [250, 501, 501], b"EHLO x", b"AUTH PLAIN !!!", b"AUTH PLAIN dXA=")
    login = b"AUTH PLAIN AHUAcA=="
    bench.codes("EHLO keeps the login", [250, 235, 250, 503], b"EHLO x", login, b"EHLO y", login)
    bench.relay.stop()


def with_users(name):
    made = subprocess.run([COMMAND, "password", "shop"], input="right\n", capture_output=True, text=True, check=True)
    users = FOLDER / f"{name}.users"
    users.write_text(made.stdout)
    users.chmod(0o600)
    return Bench(name, listener=f'auth-file = "{users}"')


def guesses():
    bench = with_users("guesses")
    right = b"AUTH PLAIN " + encoded(b"", b"shop", b"right")
    bench.codes("the right password", [250, 235], b"EHLO x", right)
    other = b"AUTH PLAIN " + encoded(b"boss", b"shop", b"right")
    bench.codes("the right one for somebody else", [250, 535], b"EHLO x", other)
    bench.codes("no name", [250, 535], b"EHLO x", b"AUTH PLAIN " + encoded(b"", b"", b"right"))
    stop = threading.Event()
    counted = []

    def guess():
        while not stop.is_set():
            guesses = [b"AUTH PLAIN " + encoded(b"", b"shop", b"wrong")] * 3
            counted.extend(reply[:3] for reply in bench.say(b"EHLO x", *guesses)[2:])

    guessers = [threading.Thread(target=guess, daemon=True) for _ in range(8)]
    for guesser in guessers:
        guesser.start()
    begin = time.monotonic()
    lines = [b"EHLO x", right]
    for _ in range(100):
        lines += [b"MAIL FROM:<a@example.com>", b"RCPT TO:<b@example.net>", b"DATA", PLAIN + b".\r\n"]
    replies = bench.say(*lines)
    seconds = time.monotonic() - begin
    stop.set()
    for guesser in guessers:
        guesser.join()
    check([reply[:3] for reply in replies].count(b"250") == 301, f"100 mails among 8 guessers, in {seconds:.1f} s")
    check(seconds < 20, "guessers do not hold up the mail, and who is known gets in")
    wrong = counted.count(b"535")
    check(wrong <= 8, f"{wrong} of {len(counted)} guesses were worth a comparison")
    check(counted.count(b"454") > 20 * max(1, wrong), "the rest were put off: 454")
    check(bench.counter("logins_refused_total", reason="too-many") >= counted.count(b"454"), "and counted")
    bench.relay.stop()
