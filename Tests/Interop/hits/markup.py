"""Markup in everything that comes from outside: the console shows it as text."""

import base64
import csv
import io
import json
import re
import subprocess
import sys
import time
import unicodedata
import urllib.parse

from lab import COMMAND, check, wait_until
from page import Page, judge_the_judge
from service import LOCAL, Service, check_log, letter, scripted, submit, unsafe_lines, upstream_lines
from wire import BROWSER, Connection, ask, click_path, open_path

PAYLOADS = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'", "{{7*7}}", "{{{x}}}", "javascript:alert(1)",
    # A combining mark makes one grapheme of itself and the quote: whoever escapes graphemes lets the quote through.
    '"\u0301 onmouseover=alert(1) x=', "' onfocus=alert(1) autofocus x='", "</title></textarea><svg onload=alert(1)>",
    "\u2028", "\x1b[31mred\x07\u009b0m")
FORMULAS = ('=HYPERLINK("https://evil.test")', "+1+1", "-1+1", "@SUM(1)")


def is_plain(text):
    """Whether there is nothing in it that may be left out or written otherwise."""
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in text)


def quoted(local):
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'


def send_hostile_mails(relay):
    """Mails whose every part is hostile; detail and taken recipients by the payload's number."""
    mails = {}
    for number, payload in enumerate(PAYLOADS):
        encoded = payload.encode()
        subject = b"=?utf-8?B?" + base64.b64encode(f"s{number} {payload} e".encode()) + b"?="
        recipients = [quoted(f"p{number} {payload}") + "@mail.test" if is_plain(payload) else f"p{number}@mail.test",
                      f"bounce{number}@mail.test", f"wait{number}@mail.test"]
        content = letter(
            subject, b"x@" + encoded + b".from.test", more=b"Message-ID: <" + encoded + b"@x>\r\n",
            link=b"https://shop.example/?" + encoded.replace(b'"', b"&quot;").replace(b"<", b"&lt;"))
        sender = quoted(f"f{number} {payload}") + "@shop.example" if is_plain(payload) else "f@shop.example"
        queue_id, taken = submit(relay, recipients, content, sender)
        mails[number] = (queue_id, taken)
        if len(taken) != 3:
            print(f"  refused as a recipient: {recipients[0]}")
    check(sum(len(taken) == 3 for _, taken in mails.values()) >= 5, "recipients with markup are taken")
    for payload in PAYLOADS:
        submit(relay, ["tag@mail.test"], letter(payload.encode(), tag=payload))
    for number, formula in enumerate(FORMULAS):
        name = quoted(formula) if number else "=cmd|calc"
        submit(relay, [f"{name}@mail.test"], letter(
            b"=?utf-8?B?" + base64.b64encode(formula.encode()) + b"?=", sender=b"x@" + formula.encode() + b".test"))
    details = {}
    for number, (queue_id, taken) in mails.items():
        wait_until(lambda: len((relay.api(f"messages/{queue_id}") or {"events": ()})["events"]) >= len(taken),
                   f"an attempt for each recipient of {queue_id}")
        details[number] = relay.mail(queue_id), taken
    return details


def status(relay, path, fields):
    """The answer's status; None where there is none."""
    try:
        return ask(relay.web, path, fields=fields).status
    except ConnectionError:
        return None


def send_hostile_hits(relay, details):
    """Hits whose every field is hostile: number of the payload, target and agent of those that were taken."""
    hits = []
    for number, payload in enumerate(PAYLOADS + FORMULAS):
        message = bytes.fromhex(details[number % len(PAYLOADS)][0]["mail"]["message"])
        targets = [f"https://a.test/{number}/{payload}", f"https://a.test/{number}/\"><script>alert(1)</script>"]
        if payload in FORMULAS or payload.startswith("javascript:"):
            targets.append(payload)
        for link, target in enumerate(targets):
            agent = payload if payload in FORMULAS else f"agent{number} {payload} end"
            fields = [("User-Agent", agent), ("Sec-Purpose", payload), ("X-Forwarded-For", payload)]
            path = click_path(relay.key, message, 0, number * 10 + link, target.encode())
            pixel_path = open_path(relay.key, message, 0)
            answers = status(relay, path, fields), status(relay, pixel_path, fields)
            if not is_plain(payload) and set(answers) <= {400, None}:
                # A field with control characters is no HTTP; a target may hold them.
                agent = BROWSER
                answers = tuple(status(relay, name, [("User-Agent", agent)]) for name in (path, pixel_path))
            if answers[0] == 404 and not target.startswith("https:"):
                continue
            if answers != (302, 200):
                sys.exit(f"FAILED: a hit with {payload!r}: {answers}")
            hits.append((message.hex(), number * 10 + link, payload, target, agent))
    return hits


def watch_live(relay):
    """A connection to the live feed, its head read."""
    connection = Connection(relay.web, seconds=20)
    connection.send("/live?after=0", fields=[("Accept", "text/event-stream")])
    line = connection.stream.readline()
    check(b" 200 " in line, f"the live feed: {line.decode().strip()}")
    while connection.stream.readline() not in (b"\r\n", b""):
        pass
    return connection


def read_live(connection, count):
    """So many events of the live feed, read as the HTML standard reads them."""
    events, data = [], []
    end = time.monotonic() + 20
    while len(events) < count:
        line = connection.stream.readline()
        # Its comments keep a silent feed alive.
        if not line or time.monotonic() > end:
            sys.exit(f"FAILED: the live feed shows {len(events)} of {count} events")
        for piece in re.split("\r\n|\r|\n", line.decode()[:-1]):
            name, _, value = piece.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
            elif piece == "" and data:
                events.append(json.loads("\n".join(data)))
                data = []
            elif name not in ("id", "event", "retry", ""):
                sys.exit(f"FAILED: a line of the live feed: {line!r}")
    return events


def fetch_pages(relay, messages):
    """The text of all pages together; none of them may hold what could do harm."""
    paths = ["/", "/feed", "/messages", "/queue", "/tags/Test", "/tags/-", "/health"]
    paths += [f"/messages/{message}" for message in messages]
    for payload in PAYLOADS + FORMULAS:
        # What a stranger's link could put there.
        word = urllib.parse.quote(payload, safe="")
        paths += [f"/messages?recipient={word}&tag={word}&before={word}", f"/feed?kind={word}&tag={word}&before={word}",
                  f"/tags/{word}", f"/tags/Test?from={word}&to={word}", f"/messages/{word}",
                  f"/queue?after={word}&done={word}"]
    texts, pages, others = [], 0, 0
    while paths:
        path = paths.pop()
        answer = ask(relay.web, path)
        if answer.status >= 500:
            sys.exit(f"FAILED: {path}: {answer.line}")
        if answer.status in (302, 303):
            if not answer.location.startswith("/") or answer.location.startswith("//"):
                sys.exit(f"FAILED: {path} leads to {answer.location}")
            continue
        content = answer.body.decode()
        if not answer.fields["content-type"].startswith("text/html"):
            others += 1
            if answer.fields.get("x-content-type-options") != "nosniff":
                sys.exit(f"FAILED: {path}: {answer.fields['content-type']} without nosniff")
            continue
        page = Page(content)
        if page.harm or re.search("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]", content):
            sys.exit(f"FAILED: {path}: {page.harm or 'control characters'}")
        pages += 1
        texts.append(page.text)
        paths += [link for link in re.findall(r'href="(/messages/[0-9a-f]{20}/(?:original|sent))"', content)]
    check(pages > 50, f"{pages} pages hold no script, handler, javascript: or picture but our own")
    check(others >= 2, f"{others} texts of mails are no pages")
    return "\n".join(texts)


def check_texts(relay, text, details, hits):
    events = [event for message in {hit[0] for hit in hits} for event in relay.api(f"messages/{message}")["events"]]
    by_link = {(event["message"], event.get("link")): event for event in events if event["kind"] == "click"}
    for message, link, payload, target, agent in hits:
        event = by_link[(message, link)]
        if is_plain(payload) and (event["url"], event["agent"]) != (target, agent):
            sys.exit(f"FAILED: a hit with {payload!r} is kept as {event}")
        if is_plain(payload) and target not in text:
            sys.exit(f"FAILED: no page shows {target}")
    check(True, f"targets and agents of {len(hits)} hits are kept as they came, and the pages show the targets")
    shown = sum(agent in text for _, _, payload, _, agent in hits if is_plain(payload))
    check(shown > 0, f"{shown} agents show up as text")
    for number, (detail, taken) in details.items():
        payload = PAYLOADS[number]
        if not is_plain(payload):
            continue
        replies = [event["reply"] for event in detail["events"] if event["result"] in ("bounced", "deferred")]
        if len(replies) < 2 or not all(f"r{number} {payload} end" in reply for reply in replies):
            sys.exit(f"FAILED: the upstream's replies are kept as {replies}")
        words = [f"s{number} {payload} e", f"r{number} {payload} end", *taken]
        for word in words:
            if word not in text:
                sys.exit(f"FAILED: no page shows {word!r}")
    check(True, "subjects, recipients and replies show up as text")
    check("{{7*7}}.from.test" in text, "so does a From domain")


def check_exports(relay):
    names = [f"{name}?limit=1000&format=csv" for name in ("events", "messages", "queue")] + ["stats?format=csv"]
    for name in names:
        answer = ask(relay.web, "/api/v1/" + name)
        check(answer.status == 200 and answer.fields["content-type"].startswith("text/csv"), f"{name}: {answer.line}")
        rows = list(csv.reader(io.StringIO(answer.body.decode(), newline=""), strict=True))
        cells = [cell for row in rows for cell in row]
        alive = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r") and not re.fullmatch(r"[+-]?[\d.]+", cell)]
        check(len({len(row) for row in rows}) == 1 and not alive, f"{name}: {len(cells)} cells, no formula {alive[:1]}")
        if name.startswith("messages"):
            dead = sum("'" + formula in cells for formula in FORMULAS)
            check(dead == len(FORMULAS), f"{dead} subjects that were formulas begin with an apostrophe")
    for path in ("events?limit=1000", "messages?limit=1000", "tags", "stats", "queue?limit=1000", "openapi.json"):
        answer = ask(relay.web, "/api/v1/" + path)
        json.loads(answer.body.decode(), strict=True)
        if answer.status != 200 or not answer.fields["content-type"].startswith("application/json"):
            sys.exit(f"FAILED: {path}: {answer.head}")
    check(True, "the API's answers are JSON")


def markup():
    print("markup in everything that comes from outside")
    judge_the_judge()
    faults = []
    for number, payload in enumerate(PAYLOADS):
        faults += [{"at": "RCPT", "address": f"bounce{number}@mail.test", "action": "reply",
                    "reply": f"550 5.1.1 r{number} {payload} end"},
                   {"at": "RCPT", "address": f"wait{number}@mail.test", "action": "reply",
                    "reply": f"451 4.3.0 r{number} {payload} end"}]
    upstream = scripted("markup-upstream", faults)
    relay = Service(
        "markup", upstream_lines(upstream), web=LOCAL + 'trusted-proxies = ["127.0.0.1/32"]\n', patient=True,
        tracking='privacy = "full"\nkeep-subject = true\nkeep-source = "1h"')
    details = send_hostile_mails(relay)
    with watch_live(relay) as live:
        before = relay.settled()
        hits = send_hostile_hits(relay, details)
        events = read_live(live, before + 2 * len(hits))
        check(True, f"{len(events)} events of the live feed are JSON")
        harm = [event for event in events if event.get("href") and not event["href"].startswith("/messages/")]
        check(not harm, f"their links lead to mails {harm[:1]}")
    for message in {hit[0] for hit in hits}:
        relay.events_of(message)
    relay.settled()
    text = fetch_pages(relay, [detail["mail"]["message"] for detail, _ in details.values()])
    check_texts(relay, text, details, hits)
    check_exports(relay)
    check_log(relay)
    for arguments in (("events",), ("queue", "list"), ("report",)):
        output = subprocess.run([COMMAND, *arguments, "--config", relay.config], capture_output=True)
        defects = unsafe_lines(output.stdout.replace(b"\t", b" "), "Cc")
        check(output.returncode == 0 and not defects, f"{' '.join(arguments)}: safe for a terminal {defects[:1]}")
    relay.stop()
