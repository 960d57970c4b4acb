"""What a tag says of upstream and privacy holds for its mail, tracked or not, and the reasons are counted."""

import base64
import json
import urllib.parse
import urllib.request

from bench import Bench
from lab import FakeUpstream, check, wait_until


def trace(tag, opens="1"):
    request = json.dumps({"TagName": tag, "OpenTrace": opens, "LinkTrace": opens}).encode()
    return b"X-AliDM-Trace: " + base64.b64encode(request) + b"\r\n"


def mail(header, sender=b"a@example.com"):
    return (b"From: " + sender + b"\r\nTo: hidden@example.net\r\nSubject: s\r\n" + header
            + b"Content-Type: text/html\r\n\r\n<a href=\"https://example.com/\">x</a>\r\n")


def stored(bench, address):
    """The mails that the event store has for an address."""
    query = urllib.parse.urlencode({"recipient": address})
    with urllib.request.urlopen(f"http://127.0.0.1:{bench.relay.web}/api/v1/messages?{query}", timeout=10) as answer:
        return json.load(answer)["messages"]


def tagged():
    other = FakeUpstream("tagged-other")
    bench = Bench("tagged", more=f"""
[upstream.other]
address = "127.0.0.1:{other.port}"
ca-file = "{other.authority}"
[tag.quiet]
upstream = "other"
privacy = "anonymous"
[tag.off]
upstream = "other"
tracking = "off"
privacy = "anonymous"
[tag.ours]
upstream = "other"
senders = ["ours.example"]
""")
    arrived = 0
    headers = {"tracked": trace("quiet"), "flags off": trace("quiet", "0"), "tracking off": trace("off")}
    for words, header in headers.items():
        bench.codes(words, [250, 250, 354, 250], b"MAIL FROM:<a@example.com>", b"RCPT TO:<hidden@example.net>",
                    b"DATA", mail(header) + b".\r\n")
        arrived += 1
        other.take(arrived)
    check(not bench.upstream.numbers(), "all of the tag's mail goes by the tag's upstream")
    for words, header in {"unknown tag": trace("nobody"), "bad header": b"X-AliDM-Trace: ???\r\n",
                          "a sender who may not": trace("ours"), "not asked": b""}.items():
        bench.send(words, content=mail(header), recipients=[b"seen@example.net"])
    for reason in ("flags-off", "tracking-off", "unknown-tag", "malformed-trace", "sender-not-allowed", "not-asked"):
        check(bench.counter("mail_untracked_total", reason=reason) == 1, f"counted: {reason}")
    wait_until(lambda: len(stored(bench, "seen@example.net")) == 4, "the mails in the API")
    check(not stored(bench, "hidden@example.net"), "no address of an anonymous tag is stored")
    bench.relay.process.kill()
    bench.relay.process.wait()
    bench.relay.start()
    check(len(stored(bench, "seen@example.net")) == 4, "what was stored stands after a crash")
    check(not stored(bench, "hidden@example.net"), "and nothing else")
    bench.relay.stop()
    strict = Bench("tagged-strict", tracking='unknown-tag = "reject"\non-bad-trace = "reject"')
    for code, header in {550: trace("nobody"), 554: b"X-AliDM-Trace: ???\r\n"}.items():
        strict.codes("refused", [250, 250, 354, code], b"MAIL FROM:<a@example.com>", b"RCPT TO:<b@example.net>",
                     b"DATA", mail(header) + b".\r\n")
    for reason in ("unknown-tag", "malformed-trace"):
        check(strict.counter("mail_refused_total", reason=reason) == 1, f"counted: {reason}")
    strict.relay.stop()
