"""What the API says, held against its own description, the definitions, the command, and /metrics.

A relay has mails of several tags, some of which wait, mails of earlier weeks out of a journal, and hits by tokens made
here. What does not hold is printed and gone on from; the script fails at its end where there was any of it.
"""

import base64
import collections
import copy
import csv
import datetime
import hashlib
import hmac
import http.client
import io
import json
import os
import re
import smtplib
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

import jsonschema
import openapi_spec_validator
import xxhash
from prometheus_client.parser import text_string_to_metric_families

# It is about noon, so that no check runs into midnight; and no hour of this time zone begins with one of UTC.
os.environ["TZ"] = f"XST{time.gmtime().tm_hour - 12}:30"
time.tzset()

from lab import COMMAND, FOLDER, ROOT, FakeUpstream, Relay, check, wait_until

SEED = 4
DAY = 86_400_000
TODAY = datetime.date.today()
HTTPS = "https://track.example.test"
TOKEN = "the token of a program"
PASSWORD = "the password of a person"
FIGURES = ("accepted tracked sent deferred failed opens uniqueOpens inferredOpens clicks uniqueClicks copies copiesOpened "
           "copiesClicked human proxy privacy scanner prefetch head").split()
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
LINKS = """\
<a href="https://www.example.com/a?b=1&amp;c=2">a</a> <a href="https://shop.example.com/b">b</a>
<a href="mailto:ann@example.com">c</a> <a href="https://own.example.com/" data-alidm-traceoff>d</a>"""
TARGETS = ["https://www.example.com/a?b=1&c=2", "https://shop.example.com/b", "https://third.example.com/"]
# Subjects that a spreadsheet would take for formulas, or a careless writer for two cells or rows.
SUBJECTS = ['=HYPERLINK("https://x.test","x")', 'Grüße, "Welt"; und mehr', "-5 % off, +1 free"]

failures = []


def expect(condition, words, *details):
    """A check that the others do not depend on."""
    if condition:
        print("  ok:", words, flush=True)
        return
    failures.append(words)
    print("  FAILED:", words, *(f"\n    {str(detail)[:600]}" for detail in details), flush=True)


def expect_all(wrongs, words):
    """A check of many cases that names those that are wrong."""
    expect(not wrongs, words, *wrongs[:12], *([f"… {len(wrongs)} in all"] if len(wrongs) > 12 else []))


# MARK: Time

def start_of(day):
    """When a local day begins, in milliseconds since 1970."""
    return int(time.mktime(day.timetuple())) * 1000


def day_of(milliseconds):
    return datetime.date.fromtimestamp(milliseconds // 1000)


def ago(days):
    return TODAY - datetime.timedelta(days)


def local(milliseconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds // 1000))


# MARK: The relay

class Site(Relay):
    """A relay with lines of its own in [web], that tries again after an hour: what waits stays as it is."""

    def __init__(self, *arguments, web="", journal=None, **more):
        self.web_lines, self.journal = web, journal
        super().__init__(*arguments, **more)

    def start(self, environment=None):
        before, after = self.config.read_text().split("[web]\n")
        address, after = after.split("[queue]\n")
        self.config.write_text(
            f"{before}[web]\naddress = \"127.0.0.1:0\"\ntracking-address = \"127.0.0.1:0\"\n"
            f"i-accept-open-console = true\n{self.web_lines}\n[queue]\n"
            + after.replace('"500ms"', '"1h"'))
        if self.journal:
            self.data.mkdir()
            # Beside events that are there a start makes no key by itself.
            self.command("key", "add", "--new-file")
            self.said = self.command("events", "import", "--from-relay", self.journal)
            self.journal = None
        super().start(environment)

    def command(self, *arguments):
        result = self.run(*arguments)
        check(result.returncode == 0, f"tracerelay {' '.join(map(str, arguments[:2]))} {result.stderr}".rstrip())
        return result.stdout

    def lines(self, *arguments):
        """What a command says with --json."""
        return [json.loads(line) for line in self.command(*arguments, "--json").splitlines()]

    def token(self, kind, message, recipient, link=None):
        """A token as the relay makes them; Token.swift describes it."""
        keys = [line.split() for line in (self.data / "tracking.key").read_text().splitlines() if line[:1] != "#"]
        number, _, _, secret = [key for key in keys if key and key[1] == "active"][-1]
        content = bytes([1, int(number)]) + bytes.fromhex(message) + bytes([recipient])
        if kind == "c":
            content += bytes([link]) + TARGETS[link].encode()
        code = hmac.new(bytes.fromhex(secret), kind.encode() + content, hashlib.sha256).digest()[:16]
        return base64.urlsafe_b64encode(content + code).rstrip(b"=").decode()


class Answer(collections.namedtuple("Answer", "status headers body")):
    @property
    def json(self):
        return json.loads(self.body)

    @property
    def sentence(self):
        """What is wrong, in words; nothing where the answer does not say so as it should."""
        try:
            content = self.json if self.headers.get_content_type() == "application/json" else {}
        except ValueError:
            content = {}
        sentence = content.get("error", "") if set(content) == {"error"} else ""
        return sentence if isinstance(sentence, str) and len(sentence.split()) > 2 else ""


class Client:
    """Asks a relay; `headers` go with each request."""

    def __init__(self, port, **headers):
        self.port, self.headers = port, headers
        self.schemas = []

    def describe(self, description):
        """From now on what comes is held against this; Schemathesis sees only a part of what is there."""
        for (method, path), operation in operations(description).items():
            content = operation["responses"]["200"]["content"]["application/json"]["schema"]
            if method == "get":
                schema = jsonschema.Draft202012Validator({**content, "components": description["components"]})
                self.schemas.append((re.compile(path.replace("{id}", "[^/]+")), schema))

    def ask(self, method, path, query="", headers=None, body=None):
        if not isinstance(query, str):
            query = urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path + ("?" + query if query else ""), body, {**self.headers, **(headers or {})})
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        connection.close()
        return answer

    def api(self, path, query=""):
        """The JSON of an answer that must be there."""
        answer = self.ask("GET", f"/api/v1/{path}", query)
        check_quietly(answer.status == 200, f"GET {path} {query}: {answer.status} {answer.body[:300]}")
        content = answer.json
        for pattern, schema in self.schemas:
            if pattern.fullmatch(f"/api/v1/{path}"):
                for error in list(schema.iter_errors(content))[:3]:
                    expect(False, f"{path} {query} is as described", f"{error.json_path}: {error.message}")
                break
        return content

    def csv(self, path, query=()):
        answer = self.ask("GET", f"/api/v1/{path}", {**dict(query), "format": "csv"})
        check_quietly(answer.status == 200 and answer.headers["Content-Type"] == "text/csv; charset=utf-8",
                      f"CSV of {path} {query}: {answer.status}")
        return list(csv.DictReader(io.StringIO(answer.body.decode(), newline=""), strict=True))

    def events(self, page=1000, **query):
        """All events, page by page."""
        events, after = [], 0
        while True:
            answer = self.api("events", {"after": after, "limit": page, **query})
            check_quietly(len(answer["events"]) <= page, "no page is longer than its limit")
            if not answer["events"]:
                check_quietly(answer["next"] == after, "`next` of an empty page is its `after`")
                return events
            check_quietly(answer["next"] == answer["events"][-1]["sequence"], "`next` is the last sequence")
            events += answer["events"]
            after = answer["next"]

    def queue(self, page=1000):
        """All mails that wait, page by page."""
        mails = []
        while True:
            found = self.api("queue", {"limit": page, **({"after": mails[-1]["id"]} if mails else {})})["queue"]
            if not found:
                return mails
            mails += found

    def hit(self, site, kind, mail, recipient=0, link=None, agent=FIREFOX, method="GET", client=None, **headers):
        """A pixel or link of a mail, from somewhere on the Internet."""
        token = site.token(kind, mail, recipient, link)
        path = f"/o/{token}.gif" if kind == "o" else f"/c/{token}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["X-Forwarded-For"] = client or f"81.2.69.{recipient + 1}"
        if agent:
            headers["User-Agent"] = agent
        answer = self.ask(method, path, headers=headers)
        good = 200 if kind == "o" else 302
        check_quietly(answer.status == good, f"{method} {path}: {answer.status}")
        if kind == "c":
            check_quietly(answer.headers["Location"] == TARGETS[link], "the link leads to its target")
        return HTTPS + path


def check_quietly(condition, words):
    if not condition:
        sys.exit(f"FAILED: {words}")


# MARK: Mails and hits

def mail(tag=None, subject="Hello", html=LINKS, opens="1", content_type="text/html"):
    trace = json.dumps({"TagName": tag, "OpenTrace": opens, "LinkTrace": "1"}).encode()
    field = f"X-AliDM-Trace: {base64.b64encode(trace).decode()}\r\n" if tag else ""
    subject = f"=?utf-8?b?{base64.b64encode(subject.encode()).decode()}?="
    return (f"From: news@shop.example\r\nTo: customers@mail.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: {content_type}; charset=utf-8\r\n{field}\r\n<html><body>{html}</body></html>\r\n").encode()


def send(site, recipients, content):
    """Sends a mail. Returns its queue id."""
    with smtplib.SMTP("127.0.0.1", site.smtp) as client:
        client.ehlo()
        client.mail("news@shop.example")
        for recipient in recipients:
            client.rcpt(recipient)
        code, text = client.data(content)
        check_quietly(code == 250, f"the mail is accepted: {code} {text}")
        return text.split()[-1].decode()


def journal(path):
    """Mails of earlier weeks with deliveries and hits: each day's first and last moment, and mails of one moment."""
    count = 0
    mails = {}
    with open(path, "wb") as file:
        def write(*fields):
            nonlocal count
            count += 1
            line = "\x1f".join(map(str, (count * 7_919, *fields))).encode()
            file.write(xxhash.xxh64_hexdigest(line).encode() + line + b"\n")

        def add(moment, tag, hits):
            number = len(mails) + 1
            message = f"{number:020x}"
            mails[message] = moment
            write("M", message, moment, f"IMPORTED{number:05}", tag, "shop.example", "", "full", f"Old mail {number}",
                  "ann@old.test", "ben@old.test")
            for recipient, status in enumerate(("sent", "bounced" if number % 5 == 0 else "sent")):
                write("D", message, moment, recipient, status, "default", "250 2.0.0 Ok", "", int(status == "sent"),
                      "excluded=1 tracked=2")
            for hit in range(hits):
                client = f"82.{number // 250}.{number % 250}.{hit}"
                write("O", message, moment + 3_000 + hit, 0, "", "", client, FIREFOX, "", "")
                write("C", message, moment + 4_000, 0, hit, TARGETS[hit], client, FIREFOX, "", "")

        for days in range(24, 0, -1):
            begin, end = start_of(ago(days)), start_of(ago(days - 1))
            add(begin, "Test", days % 2)
            add(begin + DAY // 3 + days * 7_777, "News", 2)
            add(begin + DAY // 2 + days * 9_999, "gone-tag", 1)
            # Hits of this one fall on the next day; today's are those made below.
            add(end - 1, "Test", int(days > 1))
        for _ in range(9):
            add(start_of(ago(3)) + DAY // 4, "gone-tag", 0)
    return mails, count


class Done:
    """What was sent and hit, and what must come of it."""

    def __init__(self, site, client):
        self.site, self.client = site, client
        self.sent = self.send()
        self.transactions = 32
        deliveries = wait_until(lambda: self.deliveries(32), "each mail has been tried once")
        self.ids = {name: [client.api(f"messages/{each}")["mail"]["message"] for each in ids]
                    for name, ids in self.sent.items()}
        # What is hit within two seconds of its delivery is a scanner's.
        last = max(event["time"] for event in deliveries)
        wait_until(lambda: time.time() * 1000 > last + 2_100, "two seconds after the last delivery")
        self.hits = 0
        self.make_hits()
        self.stored = wait_until(lambda: self.all_stored(), "all hits are stored")

    def deliveries(self, count):
        events = self.client.events(kind="delivery", since=start_of(TODAY))
        return events if len(events) >= count else None

    def all_stored(self):
        events = self.client.events(since=start_of(TODAY))
        return events if len(events) >= self.transactions + self.hits else None

    def send(self):
        def some(count, *arguments):
            return [send(self.site, *arguments) for _ in range(count)]
        return {
            "test": [send(self.site, [f"user{number}@mail.test"], mail("Test")) for number in range(8)],
            "news": [send(self.site, ["ann@mail.test", "ben@mail.test", "zoe@mail.test"], mail("News", subject))
                     for subject in SUBJECTS],
            "anon": some(2, ["ann@mail.test"], mail("Anon")),
            "none": some(3, ["ann@mail.test"], mail()),
            "unknown": some(2, ["ann@mail.test"], mail("Nowhere")),
            "plain": some(2, ["ann@mail.test"], mail("Test", content_type="text/plain")),
            "bare": some(1, ["ann@mail.test"], mail("Test", html="<p>Nothing</p>", opens="0")),
            "later": [send(self.site, [f"user{number}@later.test"], mail("Test")) for number in range(3)],
            "gone": some(1, ["user@gone.test"], mail("Test")),
            "down": some(1, ["user@mail.test"], mail("Down")),
        }

    def hit(self, kind, message, *arguments, **more):
        self.hits += 1
        return self.client.hit(self.site, kind, message, *arguments, **more)

    def make_hits(self):
        test, news, anon = self.ids["test"], self.ids["news"], self.ids["anon"]
        for each in test[:4] + test[:1]:
            self.pixel = self.hit("o", each)
        self.hit("c", test[0], link=0)
        self.hit("c", test[0], link=0)            # within the hour
        self.link = self.hit("c", test[4], link=1)   # before any open
        self.hit("o", test[5], agent=GMAIL)
        self.hit("o", test[6], agent="Mozilla/5.0")
        self.hit("o", test[7], agent="curl/8.5.0")
        self.hit("c", test[7], link=0, agent=None)
        self.hit("o", test[7], Sec_Purpose="prefetch")
        self.hit("o", test[7], method="HEAD")
        self.hit("c", test[7], link=0, method="HEAD")
        self.hit("o", news[0], 0)
        self.hit("c", news[0], 1, link=0)
        self.hit("o", news[0], 2, agent=GMAIL)
        self.hit("o", news[1], 0, Sec_GPC="1")
        self.hit("o", anon[0])
        self.hit("o", anon[0])
        self.hit("c", anon[1], link=1)
        self.unknown = "f" * 20
        self.hit("o", self.unknown)
        self.hit("c", self.unknown, link=0)
        good = self.link.rsplit("/", 1)[1]
        for path, status in (("/o/x.gif", 404), (f"/o/{good}.gif", 404), (f"/c/{good[:-1]}", 404), ("/c/", 404),
                             (f"/c/{'A' * 80}", 404)):
            answer = self.client.ask("GET", path)
            check_quietly(answer.status == status, f"GET {path}: {answer.status}")

    # By the definitions.
    figures = {
        "Test": dict(accepted=15, tracked=15, sent=11, deferred=3, failed=1, opens=7, uniqueOpens=6, inferredOpens=1,
                     clicks=2, uniqueClicks=2, copies=8, copiesOpened=6, copiesClicked=2, human=8, proxy=1, privacy=1,
                     scanner=2, prefetch=1, head=2),
        "News": dict(accepted=3, tracked=3, sent=9, opens=4, uniqueOpens=3, inferredOpens=1, clicks=1, uniqueClicks=1,
                     copies=9, copiesOpened=3, copiesClicked=1, human=3, proxy=1),
        "Anon": dict(accepted=2, tracked=2, sent=2, opens=2, clicks=1, human=3),
        "Down": dict(accepted=1, tracked=1, deferred=1),
        # Hits of a mail that is not known, yet, count as those of mail without a tag.
        "": dict(accepted=5, sent=5, opens=1, uniqueOpens=1, clicks=1, uniqueClicks=1, human=2),
    }
    counters = {
        "mail_accepted_total": {("Test",): 15, ("News",): 3, ("Anon",): 2, ("Down",): 1, ("",): 5},
        "mail_tracked_total": {("Test",): 15, ("News",): 3, ("Anon",): 2, ("Down",): 1},
        "mail_passed_through_total": {("no-html-part",): 2, ("nothing-to-track",): 1},
        "links_total": {("", "tracked"): 38, ("other-scheme", "left"): 19, ("trace-off", "left"): 19},
        "delivery_total": {("sent", "default"): 27, ("deferred", "default"): 3, ("bounced", "default"): 1,
                           ("deferred", "down"): 1},
        "hits_total": {("human", "open"): 10, ("proxy", "open"): 2, ("privacy", "open"): 1, ("scanner", "open"): 1,
                       ("prefetch", "open"): 1, ("head", "open"): 1, ("human", "click"): 6, ("scanner", "click"): 1,
                       ("head", "click"): 1},
        "token_invalid_total": {(): 5},
        "events_dropped_total": {},
    }
    labels = {
        "mail_accepted_total": ["tag"], "mail_tracked_total": ["tag"], "mail_passed_through_total": ["reason"],
        "links_total": ["reason", "result"], "delivery_total": ["status", "upstream"], "hits_total": ["class", "kind"],
        "token_invalid_total": [], "events_dropped_total": [],
    }


# MARK: Metrics

class Metrics:
    def __init__(self, client):
        answer = client.ask("GET", "/metrics")
        check_quietly(answer.status == 200, f"GET /metrics: {answer.status}")
        self.type = answer.headers["Content-Type"]
        self.families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
        self.samples = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, tuple(sorted(sample.labels.items())))
                check_quietly(key not in self.samples, f"{key} stands twice")
                self.samples[key] = sample.value

    def of(self, name):
        """Label values, in the order of the labels' names, and what is counted with them."""
        return {tuple(value for _, value in labels): count for (each, labels), count in self.samples.items()
                if each == name}


def check_metrics(site, client, before, done):
    print("/metrics, by Prometheus's parser")
    after = Metrics(client)
    expect(after.type.startswith("text/plain; version=0.0.4"), f"its type: {after.type}")
    for name, wanted in done.counters.items():
        grown = {labels: count - before.of(name).get(labels, 0) for labels, count in after.of(name).items()}
        grown = {labels: int(count) for labels, count in grown.items() if count}
        expect(grown == wanted, f"{name} grew by what was done", f"grown: {grown}", f"done: {wanted}")
        names = {tuple(label for label, _ in labels) for each, labels in after.samples if each == name}
        expect(names <= {tuple(done.labels[name])}, f"{name} has the labels {done.labels[name]}", names)
        family = after.families.get(name.removesuffix("_total"))
        expect(family and family.type == "counter" and family.documentation, f"{name} is a counter and says of what")
    phases = {"commit": 26, "wait": done.transactions, "render": done.transactions, "send": done.transactions}
    for phase, count in phases.items():
        grown = (after.of("phase_duration_seconds_count").get((phase,), 0)
                 - before.of("phase_duration_seconds_count").get((phase,), 0))
        expect(grown == count, f"phase {phase} took its time {count} times", grown)
    expect(set(after.of("phase_duration_seconds_count")) == {(phase,) for phase in phases}, "there are no other phases")
    syncs = after.of("sync_duration_seconds_count")[()] - before.of("sync_duration_seconds_count").get((), 0)
    expect(syncs >= 26, f"each of 26 mails in a row has its own sync ({int(syncs)})")
    for name in ("phase_duration_seconds", "sync_duration_seconds"):
        check_histogram(after, name)
    waiting = client.queue()
    expect(after.of("queue_messages") == {(): 5} and len(waiting) == 5 and after.of("queue_failed_messages") == {(): 1},
           "queue_messages: four that wait, and one that failed and is kept", after.of("queue_messages"))
    age = time.time() - min(entry["arrival"] for entry in waiting) / 1000
    expect(abs(after.of("queue_oldest_seconds")[()] - age) < 5, "queue_oldest_seconds: the age of the oldest of them")
    room = os.statvfs(site.data)
    free = after.of("disk_free_bytes")[()] / (room.f_bavail * room.f_frsize)
    expect(0.8 < free < 1.2, "disk_free_bytes: what statvfs says")
    days = after.of("certificate_days_left")
    expect(days.get(("listener 127.0.0.1:0",)) in (29, 30), "certificate_days_left of the listener: 30 when made", days)
    expect(0 <= days.get(("upstream default",), -1) <= 4_000, "certificate_days_left of the upstream, as seen", days)
    expect(after.of("events_waiting_bytes") == {(): 0}, "events_waiting_bytes: all events are stored")
    undescribed = [name for name, family in after.families.items() if not family.documentation]
    expect(not undescribed, "each metric says what it is", undescribed)
    untyped = [name for name, family in after.families.items() if family.type not in ("counter", "gauge", "histogram")]
    expect(not untyped, "each metric has a type", untyped)


def check_histogram(metrics, name):
    """Buckets grow, the last one holds all, the sum is one of the buckets' making."""
    expect(metrics.families[name].type == "histogram", f"{name} is a histogram")
    wrongs = []
    for labels, count in metrics.of(name + "_count").items():
        buckets = sorted((float(dict(where)["le"]), value) for (each, where), value in metrics.samples.items()
                         if each == name + "_bucket"
                         and tuple(word for label, word in where if label != "le") == labels)
        values = [value for _, value in buckets]
        total = metrics.of(name + "_sum")[labels]
        least = sum((here - last) * bound for (bound, here), last, bound in
                    zip(buckets, [0] + values, [0.0] + [bound for bound, _ in buckets]))
        if values != sorted(values) or buckets[-1] != (float("inf"), count) or not least <= total + 1e-9:
            wrongs.append(f"{labels}: {buckets}, sum {total}, count {count}")
    expect_all(wrongs, f"{name}: buckets, sum and count fit each other")


# MARK: The description

def routes_in_source():
    """Method and path of each route that ConsoleAPI.swift adds."""
    text = (ROOT / "Sources/TrackingWeb/ConsoleAPI.swift").read_text()
    text = text[text.index("func addRoutes"):text.index("/// What an address takes")]
    verbs = "get|post|put|patch|delete"
    routes = set()
    for own, verb, path in re.findall(rf'\b(?:(get)\(\s*group,|group\.({verbs})\()\s*"(/api/[^"]*)"', text):
        routes.add((own or verb, path))
    # The actions share a line: one path with the action's name at its end.
    actions = re.search(r"for action in \[QueueAction\.([^\]]*)\]", text)[1].replace(".", "").replace(" ", "").split(",")
    path, verb = re.search(rf'"(/api/[^"]*)\\\(action\.rawValue\)"\s*group\.({verbs})\(path\)', text).groups()
    check_quietly(text.count('"/api/') == len(routes) + 1, "there is a route that this script cannot read")
    routes |= {(verb, path + action) for action in actions}
    check_quietly(len(routes) >= 12, f"too few routes were found: {routes}")
    return routes


def operations(description):
    return {(method, path): operation for path, item in description["paths"].items()
            for method, operation in item.items()}


def check_description(client):
    print("The description")
    answer = client.ask("GET", "/api/v1/openapi.json")
    check(answer.status == 200, "openapi.json is there")
    description = answer.json
    check(description["openapi"].startswith("3.1."), f"it is OpenAPI {description['openapi']}")
    try:
        openapi_spec_validator.OpenAPIV31SpecValidator(description).validate()
        expect(True, "openapi-spec-validator finds it valid")
    except Exception as error:
        expect(False, "openapi-spec-validator finds it valid", error)
    source, described = routes_in_source(), set(operations(description))
    expect(source == described, f"it has the routes of ConsoleAPI.swift, all {len(source)}",
           f"only in the source: {source - described}", f"only in the description: {described - source}")
    wrongs = []
    for (method, path), operation in operations(description).items():
        answer = client.ask(method.upper(), path.replace("{id}", "0000000000000"))
        wanted = 404 if "{id}" in path else 200
        if answer.status != wanted or str(answer.status) not in operation["responses"]:
            wrongs.append(f"{method} {path}: {answer.status} {answer.body[:100]}")
    expect_all(wrongs, "each route answers: 200, or 404 for an id that is not there")
    check_methods(client, description)
    client.describe(description)
    return description


def check_methods(client, description):
    wrongs = []
    for path, item in description["paths"].items():
        methods = {method.upper() for method in item}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "PROPFIND"):
            if method in methods:
                continue
            answer = client.ask(method, path.replace("{id}", "0000000000000"))
            allowed = {word.strip() for word in answer.headers.get("Allow", "").split(",")}
            if answer.status != 405 or not answer.sentence or not methods <= allowed <= methods | {"HEAD"}:
                wrongs.append(f"{method} {path}: {answer.status}, Allow: {answer.headers.get('Allow')} {answer.body[:80]}")
    expect_all(wrongs, "any other method gets 405, a sentence, and Allow")
    answer, whole = client.ask("HEAD", "/api/v1/tags"), client.ask("GET", "/api/v1/tags")
    expect(answer.status == 200 and not answer.body, "HEAD answers as GET, without a body", answer)
    expect(answer.headers.get("Content-Length", whole.headers["Content-Length"]) == whole.headers["Content-Length"],
           "its Content-Length is that of GET, or left out (RFC 9110 §8.6)", answer.headers["Content-Length"])
    for words, octets, status in (
        ("no request", b"nonsense\r\n\r\n", b"400"),
        ("a method nobody knows", b"BREW /api/v1/tags HTTP/1.1\r\n\r\n", b"400"),
        ("two Host fields", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", b"400"),
        ("a header of 40,000 octets", b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 40_000 + b"\r\n\r\n",
         b"431"),
        ("an address of 9,000 octets", b"GET /livez?" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"414"),
    ):
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
            connection.sendall(octets)
            line = connection.recv(1_000).split(b"\r\n")[0]
        expect(line.split()[1:2] == [status], f"{words} gets {status.decode()}", line)
    answers = {path: client.ask("GET", path)
               for path in ("/api/v1/nothing", "/api/v1", "/api/v2/tags", "/api/v1/tags/Test")}
    expect_all([f"{path}: {answer.status} {answer.body[:80]}" for path, answer in answers.items()
                if answer.status != 404 or not answer.sentence], "any other path gets 404 and a sentence")


def wrong_values(parameter):
    """Values that the description of a parameter excludes."""
    schema = parameter["schema"]
    if schema.get("enum"):
        return ["", "nonsense", schema["enum"][0].upper(), schema["enum"][0] + " "]
    if schema["type"] == "integer":
        values = ["", "abc", "1.5", "1e2", " 1", "0x10", "9223372036854775808", "-9223372036854775809", "1,2", "٣"]
        if "minimum" in schema:
            values.append(str(schema["minimum"] - 1))
        if "maximum" in schema:
            values.append(str(schema["maximum"] + 1))
        return values
    if schema.get("format") == "date":
        return ["", "2026-02-30", "2026-13-01", "2026-00-10", "2026-1-1", "20260101", "today", "2026-01-01T00:00", "-1",
                "2026-01-1x", "2026-01-01 ", "2025-02-29", "99999-01-01"]
    values = [""] if schema.get("minLength") else []
    if "maxLength" in schema:
        values += ["a" * (schema["maxLength"] + 1), "a" * 1_001, "a" * 5_000]
    return values


def check_parameters(client, description):
    print("Parameters")
    wrongs, count = [], 0
    for (method, path), operation in operations(description).items():
        for parameter in operation.get("parameters", []):
            if parameter["in"] != "query":
                continue
            for value in wrong_values(parameter):
                count += 1
                answer = client.ask("GET", path, {parameter["name"]: value})
                if answer.status != 400 or parameter["name"] not in answer.sentence:
                    shown = value if len(value) < 40 else f"{value[:3]}… ({len(value)})"
                    wrongs.append(f"{path}?{parameter['name']}={shown}: {answer.status} {answer.body[:60]}")
    expect_all(wrongs, f"{count} values that the description excludes get 400 and a sentence with the parameter's name")
    days = {"from": TODAY, "to": TODAY}
    for words, query in {
        "from behind to": {"from": ago(0), "to": ago(1)},
        "more than ten years": {"from": ago(3_700), "to": TODAY},
        "minutes of nine days": {**days, "from": ago(8), "granularity": "minute"},
        "hours of nine days": {**days, "from": ago(8), "granularity": "hour"},
        "minutes of a day three weeks ago": {"from": ago(21), "to": ago(21), "granularity": "minute"},
        "hours of a day three weeks ago": {"from": ago(21), "to": ago(21), "granularity": "hour"},
        "hours of a year": {**days, "from": ago(365), "granularity": "hour"},
    }.items():
        answer = client.ask("GET", "/api/v1/stats", query)
        expect(answer.status == 400 and answer.sentence, f"stats: {words}: 400 with a sentence",
               f"{urllib.parse.urlencode(query)}: {answer.status} {answer.body[:200]}")
    for limit in (1, 1000):
        answers = [client.ask("GET", f"/api/v1/{path}", {"limit": limit}).status
                   for path in ("events", "messages", "queue")]
        expect(answers == [200] * 3, f"a limit of {limit} is taken", answers)
    # What cannot be read must not be taken for what was not said: the answer would be about all tags.
    everything = client.api("stats", {"from": ago(25)})["total"]
    for query in ("tag=%FF", "tag=%zz", "tag=%00", "tag=a%", "tag=" + "%C3%A4" * 200):
        answer = client.ask("GET", "/api/v1/stats", f"{query}&from={ago(25)}")
        expect(answer.status == 400 or answer.status == 200 and answer.json["total"] != everything,
               f"stats?{query[:20]} does not answer for all tags", answer.status)
    wrongs = []
    for path in ("messages/{}", "queue/{}", "queue/{}/retry", "queue/{}/hold", "queue/{}/release"):
        for word in ("0" * 20, "f" * 20, "0000000000000", "7ZZZZZZZZZZZZ", "ZZZZZZZZZZZZZ", "1", "a" * 64, "a" * 65,
                     "a" * 3_000, "%00", "%FF", "%C3%A4", "..%2F..", "x%2Fy", "a%20b", "'%20OR%201=1", "*"):
            method = "POST" if path.count("/") > 1 else "GET"
            for method in {method, "DELETE"} if path == "queue/{}" else {method}:
                answer = client.ask(method, "/api/v1/" + path.format(word))
                if answer.status != 404 or not answer.sentence:
                    wrongs.append(f"{method} {path.format(word[:30])}: {answer.status} {answer.body[:80]}")
    expect_all(wrongs, "unknown ids get 404 and a sentence")


# MARK: Contents

def zero(figures):
    return {name: figures.get(name, 0) for name in FIGURES}


def counts(figures):
    return {name: figures[name] for name in FIGURES}


def rates_fit(figures):
    wanted = [figures[name] / figures["copies"] if figures["copies"] else None
              for name in ("copiesOpened", "copiesClicked")]
    return [figures["openRate"], figures["clickRate"]] == wanted


def added(many):
    return {name: sum(each[name] for each in many) for name in FIGURES}


def by_day(steps):
    """Steps of a day added together."""
    days = collections.defaultdict(list)
    for step in steps:
        days[start_of(day_of(step["time"]))].append(step)
    return {day: added(each) for day, each in days.items()}


def check_stats(client, done):
    print("Figures")
    answer = client.api("stats")
    expect((answer["from"], answer["to"], answer["granularity"]) == (str(TODAY), str(TODAY), "day"), "the default is today")
    for tag, figures in done.figures.items():
        came = counts(answer["tags"].get(tag, zero({})))
        expect(came == zero(figures), f"today's figures of tag {tag!r} are what was done",
               {name: (came[name], figures.get(name, 0)) for name in FIGURES if came[name] != figures.get(name, 0)})
    expect(set(answer["tags"]) == set(done.figures), "there are no other tags today", set(answer["tags"]))
    wrongs = []
    for first, last in ((0, 0), (1, 0), (7, 0), (7, 7), (24, 20), (25, 0), (3_000, 0), (5, -400)):
        steps = {}
        for granularity in ("day", "hour", "minute") if first <= 7 and last >= 0 else ("day",):
            span = {"from": ago(first), "to": ago(last), "granularity": granularity}
            answer = client.api("stats", span)
            steps[granularity] = answer["steps"]
            if counts(answer["total"]) != added(answer["tags"].values()):
                wrongs.append(f"{span}: the total is not the tags' sum")
            if counts(answer["total"]) != added(answer["steps"]):
                wrongs.append(f"{span}: the total is not the steps' sum")
            if not all(map(rates_fit, [answer["total"], *answer["tags"].values(), *answer["steps"]])):
                wrongs.append(f"{span}: a rate does not fit")
            wrongs += wrong_steps(span, answer["steps"], granularity)
            for tag, figures in answer["tags"].items():
                # Mail without a tag cannot be asked for.
                alone = client.api("stats", {**span, "tag": tag}) if tag else None
                if alone and (alone["tags"] != {tag: figures} or alone["total"] != figures
                              or added(alone["steps"]) != counts(figures)):
                    wrongs.append(f"{span}: tag {tag} alone is not what it is among all")
        for granularity in set(steps) - {"day"}:
            if by_day(steps[granularity]) != by_day(steps["day"]):
                wrongs.append(f"{first} to {last} days ago: the {granularity}s of a day are not the day")
    expect_all(wrongs, "total = tags = steps; minutes = hours = days; each tag alone = among all; rates fit")
    answer = client.api("stats", {"from": ago(3), "to": ago(3), "tag": "gone-tag"})
    expect(answer["total"]["accepted"] == 10 and answer["total"]["opens"] == 1, "what the journal brought is there", answer)
    expect(client.api("stats", {"tag": "nobody"})["total"]["accepted"] == 0, "a tag that nobody used has no figures")
    tags = client.api("tags")["tags"]
    expect([(tag["tag"], tag["configured"]) for tag in tags]
           == [("", False), ("Anon", True), ("Down", True), ("News", True), ("Test", True), ("gone-tag", False)],
           "tags: those configured, and those with figures", [(tag["tag"], tag["configured"]) for tag in tags])
    policies = {tag["tag"]: {line["key"]: line["value"] for line in tag["policy"]} for tag in tags}
    expect("full" in policies["News"]["privacy"] and "anonymous" in policies["Anon"]["privacy"],
           "a tag's policy is the configuration's", policies["News"])


def wrong_steps(span, steps, granularity):
    """Steps must be in order, within the span, and begin where a local day, hour or minute does."""
    times = [step["time"] for step in steps]
    wrongs = [] if times == sorted(set(times)) else [f"{span}: steps are not in order"]
    if not all(start_of(span["from"]) <= each < start_of(span["to"] + datetime.timedelta(1)) for each in times):
        wrongs.append(f"{span}: a step is outside")
    pattern = {"day": "00:00:00", "hour": ":00:00", "minute": ":00"}[granularity]
    return wrongs + [f"{span}: a step begins at {local(each)}" for each in times
                     if not local(each).endswith(pattern) or each % 1000]


def check_events(client, done, imported_events):
    print("Events")
    every = client.events()
    expect(len(every) == imported_events + done.transactions + done.hits,
           f"there are {len(every)} events, as many as happened", f"{imported_events} + {done.transactions} + {done.hits}")
    for page in (1, 7, 100):
        expect(client.events(page) == every, f"pages of {page} by `after` give each once and all")
    wrongs = []
    middle = sorted(event["time"] for event in every)[len(every) // 2]
    for query, fits in (
        [({"kind": kind}, lambda event, kind=kind: event["kind"] == kind) for kind in ("open", "click", "delivery")]
        + [({"tag": tag}, lambda event, tag=tag: event.get("tag") == tag) for tag in ("Test", "gone-tag", "nobody")]
        + [({"since": middle}, lambda event: event["time"] >= middle)]
        + [({"since": middle, "kind": "click", "tag": "News"}, lambda event: event["time"] >= middle
            and event["kind"] == "click" and event.get("tag") == "News")]
    ):
        if client.events(7, **query) != [event for event in every if fits(event)]:
            wrongs.append(query)
    expect_all(wrongs, "kind, tag and since, page by page, give what is so among all")
    by_default = client.api("events")
    expect(by_default["events"] == every[:100] and by_default["next"] == every[99]["sequence"],
           "100 by default, from the first")
    strays = [event for event in every if event["message"] == done.unknown]
    expect(len(strays) == 2 and not {"queueID", "tag", "address"} & set(strays[0]), "hits of an unknown mail have no tag")
    private = [event for event in every if event["message"] == done.ids["news"][1] and event["kind"] == "open"]
    expect(len(private) == 1 and not private[0]["client"] + private[0]["agent"] and "recipient" not in private[0],
           "a hit with Sec-GPC tells nothing of its reader", private)
    known = [event for event in every if event["message"] == done.ids["news"][0] and event["kind"] == "click"]
    expect(known[0]["client"] == "81.2.69.2" and known[0]["agent"] == FIREFOX and known[0]["url"] == TARGETS[0]
           and known[0]["address"] == "ben@mail.test" and known[0]["link"] == 0, "with privacy full all is kept", known)
    anonymous = [event for event in every if event.get("tag") == "Anon" and event["kind"] != "delivery"]
    expect(len(anonymous) == 3 and not any({"recipient", "address"} & set(event) or event["client"] or event["agent"]
                                           for event in anonymous), "anonymous hits tell nothing", anonymous)
    return every


def pages_of_messages(client, limit, **query):
    """All mails by pages, each behind the `next` of the one before, as the description says."""
    mails, before = [], {}
    while True:
        page = client.api("messages", {"limit": limit, **before, **query})
        mails += page["messages"]
        if "next" not in page:
            return mails
        before = {"before": page["next"]}


def check_messages(client, done, imported, every):
    print("Mails")
    mails = client.api("messages", {"limit": 1000})["messages"]
    sent = sum(len(ids) for ids in done.sent.values())
    expect(len(mails) == len({each["message"] for each in mails}) == len(imported) + sent, f"there are {len(mails)} mails")
    times = [each["time"] for each in mails]
    expect(times == sorted(times, reverse=True), "the newest is the first")
    for limit in (1, 4, 50):
        found = [each["message"] for each in pages_of_messages(client, limit)]
        wanted = {each["message"] for each in mails}
        lost = wanted - set(found)
        expect(len(found) == len(wanted) and not lost, f"pages of {limit} by `before` give each once and all",
               f"twice: {len(found) - len(set(found))}; lost: {len(lost)}",
               f"of the times {sorted({imported.get(each, 0) for each in lost})}")
    for tag in ("Test", "News", "nobody"):
        found = client.api("messages", {"limit": 1000, "tag": tag})["messages"]
        expect(found == [each for each in mails if each["tag"] == tag], f"mails of tag {tag}: {len(found)}")
    found = client.api("messages", {"limit": 1000, "recipient": "ben@mail.test"})["messages"]
    expect([each["message"] for each in found] == done.ids["news"][::-1], "mails to ben@mail.test", found)
    found = client.api("messages", {"limit": 1000, "recipient": "BEN@Mail.Test"})["messages"]
    expect([each["message"] for each in found] == done.ids["news"][::-1], "the recipient is found whatever its case", found)
    news = client.api(f"messages/{done.ids['news'][0]}")
    listed = next(each for each in mails if each["message"] == done.ids["news"][0])
    expect(news["mail"] == listed and (listed["recipients"], listed["sent"], listed["opened"], listed["clicked"])
           == (3, 3, 3, 1) and listed["subject"] == SUBJECTS[0] and listed["fromDomain"] == "shop.example",
           "a mail in the list is the mail alone, with what became of it", news["mail"], listed)
    expect(client.api(f"messages/{done.sent['news'][0]}") == news, "a mail is found by its queue id, too")
    copies = [(each["recipient"], each["address"], each["status"], "clicked" in each, each["isOpenInferred"])
              for each in news["copies"]]
    expect([each[3:] for each in copies] == [(False, False), (True, True), (False, False)]
           and copies[1][:3] == (1, "ben@mail.test", "sent"), "its copies say who clicked", copies)
    expect(sorted(event["sequence"] for event in news["events"])
           == [event["sequence"] for event in every if event["message"] == news["mail"]["message"]],
           "its events are all there")
    reasons = collections.Counter(each["untracked"] for each in mails)
    expect(reasons == {"": len(mails) - 5, "not-asked": 3, "unknown-tag": 2}, "why mails are not tracked", reasons)
    anonymous = client.api(f"messages/{done.ids['anon'][0]}")
    expect(anonymous["copies"] == [] and anonymous["mail"]["recipients"] == 0, "an anonymous mail names nobody", anonymous)


# MARK: CSV

def cell(value, column):
    """A JSON value as its cell should be."""
    if value is None:
        return ""
    if column in ("time", "arrival", "nextAttempt", "expires"):
        return local(value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def same_cell(text, value, column):
    wanted = cell(value, column)
    # What a spreadsheet would take for a formula has an apostrophe in front.
    if wanted[:1] in tuple("=+-@\t\r"):
        try:
            float(wanted)
        except ValueError:
            wanted = "'" + wanted
    try:
        return text == wanted or isinstance(value, float) and float(text) == value
    except ValueError:
        return False


def check_csv(client):
    print("CSV")
    week = {"from": ago(7), "to": TODAY}
    for path, query, name in (
        ("stats", {"from": ago(25), "to": TODAY}, "steps"), ("stats", {**week, "granularity": "hour"}, "steps"),
        ("stats", {**week, "granularity": "minute", "tag": "News"}, "steps"), ("messages", {"limit": 1000}, "messages"),
        ("messages", {"limit": 5, "tag": "News"}, "messages"), ("events", {"limit": 1000}, "events"),
        ("events", {"limit": 9, "kind": "click"}, "events"), ("queue", {}, "queue"), ("queue", {"limit": 2}, "queue"),
    ):
        rows, objects = client.csv(path, query), client.api(path, query)[name]
        words = f"{path} {' '.join(f'{key}={value}' for key, value in query.items())}"
        columns = set(rows[0]) if rows else set()
        missing = {key for each in objects for key in each} - columns
        expect(not missing, f"CSV of {words} has each field of the JSON", f"missing: {sorted(missing)}")
        wrongs = [] if len(rows) == len(objects) else [f"{len(rows)} rows, {len(objects)} objects"]
        for row, each in zip(rows, objects):
            for column in columns:
                if column == "recipients" and path == "queue":
                    fits = all(f"{person['address']} {person['state']} {person['lastReply']}" in row[column]
                               for person in each[column])
                else:
                    fits = same_cell(row[column], each.get(column), column)
                if not fits:
                    wrongs.append(f"{column}: {row[column]!r} for {each.get(column)!r}")
        expect_all(wrongs, f"CSV of {words}: {len(rows)} rows are the JSON's")


# MARK: The command

def check_command(site, client, done, every):
    print("The command says the same")
    expect(site.lines("events") == every, "tracerelay events --json")
    recent = [event for event in every if event["time"] > time.time() * 1000 - 3_600_000]
    expect(site.lines("events", "--since", "1h", "--tag", "Test")
           == [event for event in recent if event.get("tag") == "Test"], "tracerelay events --json --since 1h --tag Test")
    for first, last in ((0, 0), (25, 0), (24, 20)):
        span = {"from": ago(first), "to": ago(last)}
        options = ("--from", str(ago(first)), "--to", str(ago(last)))
        answer = client.api("stats", span)
        lines = site.lines("report", *options)
        wanted = [{"tag": tag, **figures} for tag, figures in sorted(answer["tags"].items())]
        expect(lines == wanted + [{"tag": "total", **answer["total"]}],
               f"tracerelay report --json, {first} to {last} days ago", lines[-1], answer["total"])
        alone = client.api("stats", {**span, "tag": "Test"})
        lines = site.lines("report", "--tag", "Test", *options)
        wanted = [{"day": str(day_of(step["time"])), **{name: step[name] for name in step if name != "time"}}
                  for step in alone["steps"]]
        expect(lines == wanted + [{"day": "total", **alone["total"]}],
               f"tracerelay report --json --tag Test, {first} to {last} days ago", lines, wanted)
        rows = list(csv.DictReader(io.StringIO(site.command("report", "--csv", *options)), strict=True))
        wrongs = [f"{row} for {tag} {figures}" for row, (tag, figures) in zip(rows, sorted(answer["tags"].items()))
                  if row["tag"] != tag or any(not same_cell(row[name], figures[name], name) for name in figures)]
        expect_all(wrongs + ([] if len(rows) == len(answer["tags"]) else [f"{len(rows)} rows"]),
                   f"tracerelay report --csv, {first} to {last} days ago")
    expect(site.lines("report") == site.lines("report", "--from", str(TODAY), "--to", str(TODAY)),
           "a report is today's by default")
    for options in (("--from", "2026-02-30"), ("--from", str(TODAY), "--to", str(ago(1)))):
        result = site.run("report", *options)
        expect(result.returncode == 64 and result.stderr.strip(),
               f"tracerelay report {' '.join(options)}: 64 and a sentence", result)
    opened = site.lines("token", "open", done.link)[0]
    click = next(event for event in every if event["message"] == done.ids["test"][4] and event["kind"] == "click")
    expect((opened["kind"], opened["message"], opened["recipient"], opened["link"], opened["target"])
           == ("click", click["message"], click["recipient"], click["link"], click["url"]),
           "tracerelay token open, a link", opened)
    opened = site.lines("token", "open", done.pixel)[0]
    expect((opened["kind"], opened["message"], opened["recipient"]) == ("open", done.ids["test"][0], 0),
           "tracerelay token open, a pixel", opened)
    expect(site.run("token", "open", done.link[:-1]).returncode == 65, "tracerelay token open, a forged link: 65")
    expect(site.lines("queue", "list") == client.queue(), "tracerelay queue list --json")
    for entry in client.queue():
        expect(site.lines("queue", "show", entry["id"]) == [entry] == [client.api(f"queue/{entry['id']}")],
               f"tracerelay queue show {entry['id']} --json")


# MARK: The queue

def check_queue(site, client, done):
    print("The queue")
    for number in range(6):
        send(site, [f"more{number}@later.test"], mail("Test"))
    wait_until(lambda: all(entry["attempts"] for entry in client.queue()), "each has been tried")
    answer = client.api("queue")
    every = client.queue()
    expect(answer["count"] == len(every) == 11, "ten mails wait, and one is kept", answer["count"])
    expect([client.queue(page) for page in (1, 3)] == [every] * 2, "pages by `after` give each once and all")
    expect(client.api("queue", {"limit": 3})["count"] == 11, "the count is that of all")
    answer = client.ask("GET", "/api/v1/queue", {"after": "nonsense"})
    expect(answer.status == 400 and "after" in answer.sentence, "a cursor that is none gets 400, not the first page again",
           f"{answer.status} {answer.body[:80]}")
    down = next(entry for entry in every if entry["id"] == done.sent["down"][0])
    expect((down["upstream"], down["tag"], down["from"]) == ("down", "Down", "news@shop.example")
           and down["recipients"][0]["lastReply"] and not down["held"], "a mail says where it goes and why it waits", down)

    def listed(each):
        return next((entry for entry in site.lines("queue", "list") if entry["id"] == each), None)

    def act(method, path):
        answer = client.ask(method, f"/api/v1/queue/{path}")
        expect(answer.status == 200 and answer.json == {"done": 1}, f"{method} queue/{path}", answer)

    first = done.sent["later"][0]
    act("POST", f"{first}/hold")
    expect(listed(first)["held"] is True, "the command shows it held")
    act("POST", f"{first}/hold")
    expect(client.api(f"queue/{first}")["held"] is True, "held twice is held")
    act("POST", f"{first}/release")
    expect(listed(first)["held"] is False, "the command shows it released")
    before = listed(first)
    act("POST", f"{first}/retry")
    after = wait_until(lambda: (entry := listed(first))["attempts"] > before["attempts"] and entry, "another attempt")
    expect((after["attempts"], after["arrival"]) == (before["attempts"] + 1, before["arrival"]),
           "retry tries it at once", after)
    act("POST", f"{first.lower()}/hold")
    expect(listed(first)["held"] is True, "an id is known in lower case, as the command knows it")
    act("POST", f"{first}/retry")
    expect(listed(first)["held"] is False, "retry releases")
    act("DELETE", first)
    expect(listed(first) is None, "the command does not show what was deleted")
    answers = [client.ask(method, f"/api/v1/queue/{path}").status for method, path in (
        ("GET", first), ("DELETE", first), ("POST", f"{first}/retry"), ("POST", f"{first}/hold"),
        ("POST", f"{first}/release"))]
    expect(answers == [404] * 5, "what was deleted is not found any more", answers)
    expect(client.api("queue")["count"] == 10 and Metrics(client).of("queue_messages") == {(): 10},
           "ten are left, /metrics says so too")
    second = done.sent["later"][1]
    site.command("queue", "hold", second)
    expect(client.api(f"queue/{second}")["held"] is True, "the API shows what the command held")
    site.command("queue", "release", second)
    expect(client.api(f"queue/{second}")["held"] is False, "the API shows what the command released")


def check_cursor(site, client, done):
    """Reads by the cursor while hits come, some of which change the class of others."""
    print("The cursor, while hits come")
    last = client.events()[-1]["sequence"]

    def visit():
        for number in range(40):
            client.hit(site, "o", done.ids["test"][number % 8], client=f"90.1.{number}.1")
            for link in range(3):
                client.hit(site, "c", done.ids["test"][number % 8], link=link, client=f"90.1.{number}.1")

    visitor = threading.Thread(target=visit)
    visitor.start()
    seen, after = [], last
    end = time.monotonic() + 20
    while len(seen) < 160 and time.monotonic() < end:
        answer = client.api("events", {"after": after, "limit": 7})
        seen += answer["events"]
        after = answer["next"]
    visitor.join()
    now = [event["sequence"] for event in client.events() if event["sequence"] > last]
    expect([event["sequence"] for event in seen] == now and len(now) == 160, "each event comes once, in order, and all do",
           f"seen {len(seen)}, of {len(now)}")


# MARK: Access

def check_open_access(client):
    print("Access without a password")
    for path in ("/api/v1/tags", "/metrics"):
        answer = client.ask("GET", path, headers={"Host": "evil.example"})
        expect(answer.status == 403 and answer.sentence, f"{path} under another name is refused", answer)
    identifier = client.queue()[0]["id"]
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"},
                    {"Sec-Fetch-Site": "same-site"}):
        answer = client.ask("POST", f"/api/v1/queue/{identifier}/hold", headers=headers)
        expect(answer.status == 403 and answer.sentence, f"an action from elsewhere is refused: {headers}", answer)
    expect(not client.api(f"queue/{identifier}")["held"], "and does nothing")
    check_health(client)


def check_health(client):
    for path in ("/livez", "/readyz"):
        answer = Client(client.port).ask("GET", path)
        expect(answer.status == 200 and answer.body.strip() == b"ok", f"{path} is ok", answer)


def check_token_access(site, client, description):
    print("Access by token and password")
    check_health(client)
    bearer = client.headers["Authorization"]
    wrongs = []
    others = [("get", "/metrics"), ("get", "/api/v1/nothing"), ("put", "/api/v1/tags")]
    for method, path in [*operations(description), *others]:
        path = path.replace("{id}", "0000000000000")
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"},
                        {"Authorization": f"Bearer {PASSWORD}"}, {"Authorization": bearer.replace("Bearer", "Basic")},
                        {"Authorization": f"Bearer {TOKEN} "[:-2]}, {"Cookie": "tracerelay_session=9999999999.00"}):
            if headers and path not in ("/api/v1/tags", "/metrics", "/api/v1/queue/0000000000000/hold"):
                continue
            answer = Client(site.web).ask(method.upper(), path, headers=headers)
            if answer.status != 401 or not answer.sentence or answer.headers["WWW-Authenticate"] != "Bearer":
                wrongs.append(f"{method} {path} {headers}: {answer.status} {answer.headers.get('WWW-Authenticate')}")
    expect_all(wrongs, "without the token: 401, a sentence, and WWW-Authenticate, before anything else")
    answer = Client(site.web).ask("GET", "/api/v1/tags", headers={"Authorization": bearer.replace("Bearer", "bearer")})
    expect(answer.status == 200, "the scheme's case does not matter (RFC 9110 §11.1)", answer.status)
    answer = client.ask("GET", "/api/v1/tags", headers={"Host": "relay.example"})
    expect(answer.status == 200, "with a token the name does not matter", answer.status)
    page = Client(site.web).ask("GET", "/login").body.decode()
    form = urllib.parse.urlencode({"csrf": re.search(r'name="csrf" value="([0-9a-f]+)"', page)[1], "password": PASSWORD})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = Client(site.web).ask("POST", "/login", headers=kind, body=form)
    cookie = {"Cookie": (answer.headers["Set-Cookie"] or "").split(";")[0]}
    expect(answer.status == 303 and cookie["Cookie"], "the password logs in", answer)
    expect(Client(site.web).ask("GET", "/api/v1/tags", headers=cookie).status == 200, "the session's cookie opens the API")
    identifier = client.queue()[0]["id"]
    answers = [Client(site.web).ask("POST", f"/api/v1/queue/{identifier}/hold", headers={**cookie, **more}).status
               for more in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                            {"Origin": f"http://127.0.0.1:{site.web}", "Sec-Fetch-Site": "same-origin"})]
    expect(answers == [403, 403, 200], "with the cookie, an action is taken from our own pages only", answers)


# MARK: Schemathesis

def findings(path):
    """What Schemathesis found, each once, and the statuses of each operation's answers."""
    wrongs, statuses = {}, collections.defaultdict(list)
    for line in path.read_text().splitlines():
        scenario = json.loads(line).get("ScenarioFinished", {})
        recorder = scenario.get("recorder", {})
        for case, interaction in recorder.get("interactions", {}).items():
            if response := interaction.get("response"):
                statuses[recorder["label"]].append(response["status_code"])
            for found in recorder.get("checks", {}).get(case, []):
                if found["status"] != "success":
                    failure = found["failure_info"]["failure"]
                    request = interaction["request"]
                    wrongs.setdefault(
                        (recorder["label"], found["name"], failure["message"]),
                        f"{found['name']}: {request['method']} {request['uri'][:160]}: "
                        + " ".join(failure["message"].split())[:300])
    return list(wrongs.values()), statuses


def run_schemathesis(site, client, description, name, token=None):
    """Runs it over a description that knows some ids."""
    print(f"Schemathesis, {name}")
    waiting = [entry["id"] for entry in client.queue()]
    check_quietly(len(waiting) >= 8, "there are mails to act on")
    mails = [each["message"] for each in client.api("messages", {"limit": 5})["messages"]]
    given = {"tag": ["Test", "Anon"], "recipient": ["ann@mail.test"], "from": [str(ago(3))],
             "get /api/v1/messages/{id}": mails, "get /api/v1/queue/{id}": waiting[:2],
             "post /api/v1/queue/{id}/retry": waiting[2:4], "post /api/v1/queue/{id}/hold": waiting[4:6],
             "post /api/v1/queue/{id}/release": waiting[:2], "delete /api/v1/queue/{id}": waiting[6:8]}
    description = copy.deepcopy(description)
    for (method, path), operation in operations(description).items():
        for parameter in operation.get("parameters", []):
            values = given.get(parameter["name"]) or parameter["in"] == "path" and given[f"{method} {path}"]
            if values:
                parameter["examples"] = {each: {"value": each} for each in values}
    folder = FOLDER / f"schemathesis-{name}"
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(description))
    begin = time.monotonic()
    result = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", "openapi.json",
         "--url", f"http://127.0.0.1:{site.web}", "--checks",
         "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
         "response_schema_conformance,unsupported_method,allow_header_conformance,negative_data_rejection",
         "--phases", "examples,coverage,fuzzing", "--seed", str(SEED), "--max-examples", "100",
         "--generation-database", "none",
         "--continue-on-failure", "--no-shrink", "--workers", "1", "--suppress-health-check", "all", "--no-color",
         "--request-timeout", "20", "--output-sanitize", "false", "--report", "ndjson", "--report-ndjson-path",
         "events.ndjson",
         *(["-H", f"Authorization: Bearer {token}"] if token else [])],
        cwd=folder, capture_output=True, text=True)
    seconds = time.monotonic() - begin
    wrongs, statuses = findings(folder / "events.ndjson")
    if result.returncode != 0 and not wrongs:
        wrongs = [(result.stdout + result.stderr)[-2_000:]]
    expect_all(wrongs, f"{sum(map(len, statuses.values()))} requests without a violation ({seconds:.0f} s)")
    labels = [f"{method.upper()} {path}" for method, path in operations(description)]
    expect_all([f"{label}: {sorted(set(statuses[label]))}" for label in labels if 200 not in statuses[label]],
               "each operation succeeded at least once")
    expect(seconds < 90, "it takes less than 90 s")


def main():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=relay.test", "-keyout", FOLDER / "listener.key", "-out",
                    FOLDER / "listener.pem"],
                   check=True, capture_output=True)
    script = FOLDER / "script.json"
    script.write_text(json.dumps([
        {"at": "RCPT", "address": "*@later.test", "action": "reply", "reply": "451 4.3.0 try later, \"perhaps\""},
        {"at": "RCPT", "address": "*@gone.test", "action": "reply", "reply": "550 5.1.1 no such user"}]))
    upstream = FakeUpstream("upstream", "--script", script)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        imported, lines = journal(FOLDER / "old.journal")
        site = Site(
            "site", f'address = "127.0.0.1:{upstream.port}"\nca-file = "{upstream.authority}"',
            journal=FOLDER / "old.journal",
            listener=f'tls = "starttls"\ncertificate-file = "{FOLDER}/listener.pem"\nkey-file = "{FOLDER}/listener.key"',
            web='trusted-proxies = ["127.0.0.1/32"]',
            more=f'[upstream.down]\naddress = "127.0.0.1:{port}"\ntls = "none"\n[tag.News]\nprivacy = "full"\n'
                 'keep-subject = true\n[tag.Anon]\nprivacy = "anonymous"\n[tag.Down]\nupstream = "down"\n')
        client = Client(site.web)
        description = check_description(client)
        before = Metrics(client)
        done = Done(site, client)
        check_metrics(site, client, before, done)
        check_stats(client, done)
        every = check_events(client, done, lines - len(imported))
        check_messages(client, done, imported, every)
        check_csv(client)
        check_command(site, client, done, every)
        check_parameters(client, description)
        check_queue(site, client, done)
        check_cursor(site, client, done)
        check_open_access(client)
        run_schemathesis(site, client, description, "open")
        site.stop()
        hashes = [subprocess.run([COMMAND, "password", "x"], input=word + "\n", capture_output=True, text=True,
                                 check=True).stdout.strip().split(":", 1)[1] for word in (TOKEN, PASSWORD)]
        site.web_lines += f'\ntoken-hash = "{hashes[0]}"\npassword-hash = "{hashes[1]}"'
        site.start()
        client = Client(site.web, Authorization=f"Bearer {TOKEN}")
        client.describe(description)
        for number in range(8):
            send(site, [f"again{number}@later.test"], mail("Test"))
        wait_until(lambda: all(entry["attempts"] for entry in client.queue()), "each has been tried")
        check_token_access(site, client, description)
        run_schemathesis(site, client, description, "token", TOKEN)
        log = site.log()
        wrongs = [line for line in log.splitlines() if "request failed" in line or "level=critical" in line]
        expect_all(wrongs, "the relay logged no failed request")
        expect(TOKEN not in log and PASSWORD not in log, "the relay logged neither token nor password")
        site.stop()
    if failures:
        sys.exit(f"FAILED: {len(failures)} checks:\n" + "\n".join(f"  {words}" for words in failures))


main()
