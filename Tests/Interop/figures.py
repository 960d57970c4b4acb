"""Generated mails, deliveries and hits, counted by tracerelay and by an oracle that knows only the definitions.

FIGURES_MAILS and FIGURES_HITS set the size. Time limits are those of a release build where TRACERELAY names the binary.
"""

import collections
import datetime
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse

from lab import COMMAND, FOLDER, ROOT, Relay, check, children
from moments import HOUR, clock, day_of, end_summer_time, start_of
from oracle import FIGURES, REASONS_FROM, UNIQUE_ON_PAGE, Recount, Rules
from world import ADDED_RULES, TAGS, World

MAILS = int(os.environ.get("FIGURES_MAILS", 10_000))
HITS = int(os.environ.get("FIGURES_HITS", 100_000))
PAGES_APART = 1_000


def compare(words, expected, found, explain=lambda key: "", others=None):
    """Fails with the first differences; zeros and missing values are one. `others`: what other readings would give."""
    def differing(wanted):
        return [key for key in wanted.keys() | found.keys() if (wanted.get(key) or 0) != (found.get(key) or 0)]
    wrong = differing(expected)
    if not wrong:
        check(True, f"{words}: {len(expected)} values")
        return
    for key in sorted(wrong, key=str)[:8]:
        print(f"  {key}: {found.get(key) or 0}, should be {expected.get(key) or 0} {explain(key)}")
    for name, other in (others or {}).items():
        if not differing(other()):
            print(f"  all is equal, though, if {name}")
    sys.exit(f"FAILED: {words}: {len(wrong)} values differ")


class Console:
    """The running service over one connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path):
        try:
            self.connection.request("GET", path)
            response = self.connection.getresponse()
        except ConnectionError:   # it was idle for too long
            self.connection.close()
            self.connection.request("GET", path)
            response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            sys.exit(f"FAILED: GET {path} answered {response.status}: {body[:300]}")
        return body

    def json(self, path, **query):
        query = {key: value for key, value in query.items() if value is not None}
        return json.loads(self.get(f"{path}?{urllib.parse.urlencode(query)}"))


def rate(part, whole):
    return part / whole if whole else None


def are_rates(found):
    """Whether the rates of some figures are those of their copies, and nothing unique exceeds what it is of."""
    if found["uniqueOpens"] > found["opens"] or found["uniqueClicks"] > found["clicks"]:
        return False
    for name, part in (("openRate", "copiesOpened"), ("clickRate", "copiesClicked")):
        expected = rate(found[part], found["copies"])
        if found[name] not in (None, 0) if expected is None else abs((found[name] or 0) - expected) > 0.0005:
            return False
    return True


def check_stats(console, recount, words):
    """Each figure of each day, for each tag and all, and of each hour since yesterday. Returns the totals by tag."""
    world, totals = recount.world, {}
    views = (("day", world.days[0], day_of), ("hour", world.days[-2], lambda moment: moment // HOUR * HOUR))
    for granularity, first, step_of in views:
        for tag in (None, *TAGS, "-"):
            span = {"from": first, "to": world.today}
            answer = console.json("/api/v1/stats", tag=tag, granularity=granularity, **span)
            found = {}
            for step in answer["steps"]:
                begin = step_of(step["time"])
                if step["time"] != (start_of(datetime.date.fromtimestamp(step["time"] / 1000)) if granularity == "day"
                                    else begin):
                    sys.exit(f"FAILED: {words}: a {granularity} begins at {clock(step['time'])}")
                if not are_rates(step):
                    sys.exit(f"FAILED: {words}: rates of {tag or 'all tags'} from {clock(step['time'])}: {step}")
                found.update(((begin, figure), step[figure]) for figure in FIGURES)
            if not are_rates(answer["total"]):
                sys.exit(f"FAILED: {words}: rates of {tag or 'all tags'}: {answer['total']}")
            found.update((("total", figure), answer["total"][figure]) for figure in FIGURES)
            if tag is None:
                found.update(((f"tag {name or '-'}", figure), figures[figure])
                             for name, figures in answer["tags"].items() for figure in FIGURES)

            def expected(counts):
                """What this view must show by a recount."""
                result = counts.steps(step_of, tag, start_of(first))
                for (_, figure), count in list(result.items()):
                    result["total", figure] += count
                for name in (*TAGS, "-") if tag is None else ():
                    for (_, figure), count in counts.steps(lambda moment: 0, name, start_of(first)).items():
                        result[f"tag {name}", figure] += count
                return result

            def about(key):
                if key[0] == "total" or str(key[0]).startswith("tag "):
                    return ""
                return (f"({recount.unknown_hits[key[0]]} hits of unknown mails that day)" if granularity == "day"
                        else f"({clock(key[0])})")
            compare(f"{words}, {tag or 'all tags'} by {granularity}", expected(recount), found, about,
                    {"hits of unknown mails count as mail without tag": lambda: expected(
                        Recount(world, recount.rules, recount.given, "-"))} if tag in (None, "-") else {})
            if granularity == "day":
                totals[tag] = answer["total"]
    return totals


class Store:
    """events.sqlite, read from outside."""

    def __init__(self, path):
        self.path = path
        self.database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)

    def rows(self, sql):
        return self.database.execute(sql)

    def digest(self):
        """Of every table that holds what is known; `state` says how far files were read."""
        digest = hashlib.sha256()
        for table, order in (("message", "id"), ("copy", "message, recipient"), ("event", "sequence"),
                             ("minute", "bucket, tag"), ("day", "bucket, tag"), ("link", "tag, day, page"),
                             ("reason", "tag, day, kind, reason")):
            for row in self.rows(f"SELECT * FROM {table} ORDER BY {order}"):
                digest.update(repr(row).encode())
        return digest.hexdigest()


def describe_copy(recount, hit, stored):
    """Everything about the copy of a hit whose class is not as expected."""
    world = recount.world
    if hit.copy < 0:
        return f"  unknown mail: {hit}, stored {stored.get(hit.number)}, should be {recount.classes[hit.number]}"
    copy = world.copies[hit.copy]
    mail = world.mails[copy.mail]
    lines = [f"  copy {mail.hexadecimal}/{copy.number} tag={mail.tag} privacy={mail.privacy} late={mail.is_late} "
             f"accepted={clock(mail.time)} delivered={copy.delivered and clock(copy.delivered)}"]
    for other in sorted(other for other in world.hits if other.copy == hit.copy):
        expected, found = recount.classes[other.number], stored.get(other.number, ("missing",))
        mark = "  " if found[0] == expected else "!!"
        link = "" if other.link is None else other.link
        offset = other.time - (copy.delivered or mail.time)
        lines.append(f"   {mark} {offset:+d} ms {other.kind}{link}: {found}, should be {expected} (by lines "
                     f"{recount.verdicts[other.number][0]}) from={other.client} "
                     f"agent={other.agent[-40:]!r} kept={recount.kept(other)} purpose={other.purpose!r} "
                     f"flags={other.flags!r} late={other.is_late} number={other.number}")
    return "\n".join(lines[:60])


def check_classes(store, recount, words):
    """The class of every stored hit, and what is kept of it."""
    world = recount.world
    stored, kept = {}, {}
    for number, name, evidence, client, agent, recipient in store.rows(
            "SELECT number, class, evidence, client, agent, recipient FROM event WHERE upstream = ''"):
        stored[number] = (name, evidence)
        kept[number] = (client, agent, recipient)
    wrong = [hit for hit in world.hits if stored.get(hit.number, ("",))[0] != recount.classes[hit.number]]
    shown = set()
    for hit in wrong:
        if hit.copy not in shown and len(shown) < 4:
            shown.add(hit.copy)
            print(describe_copy(recount, hit, stored))
    if wrong:
        pairs = collections.Counter(
            (stored.get(hit.number, ("missing",))[0], recount.classes[hit.number]) for hit in wrong)
        sys.exit(f"FAILED: {words}: class of {len(wrong)} hits, as (stored, expected): {pairs.most_common(6)}")
    counts = collections.Counter(recount.classes.values())
    check(len(stored) == len(world.hits), f"{words}: the class of each of {len(stored)} hits: {dict(counts)}")
    for hit in world.hits:
        if hit.copy >= 0:
            source = recount.kept(hit)
            number = world.copies[hit.copy].number
            expected = (*source, number) if source is not None else ("", "", None)
            if kept[hit.number] != expected:
                sys.exit(f"FAILED: {words}: kept is {kept[hit.number]}, should be {expected}, of {hit}")
    check(True, f"{words}: client, agent and recipient are kept as the mail's privacy says")


def stored_day(number):
    """The day of a row, whether it is a date or the moment it begins."""
    return number if number < 10**8 else day_of(number)


def check_links(store, recount, words):
    """Clicks and unique clicks of each page; on a day with too many pages, those told apart and the sum."""
    crowded = {key for key, pages in recount.pages_seen.items() if len(pages) > PAGES_APART}
    rows = collections.defaultdict(dict)
    for tag, day, page, clicks, uniques in store.rows("SELECT tag, day, page, clicks, unique_clicks FROM link"):
        if clicks or uniques:
            rows[tag or "-", stored_day(day)][page] = (clicks, uniques)

    def table(name):
        return {(*key, kind): value for key, (clicks, uniques) in recount.links[name].items() if key[:2] not in crowded
                for kind, value in (("clicks", clicks), ("unique", uniques))}
    found = {(*key, page, kind): value for key, pages in rows.items() if key not in crowded
             for page, pair in pages.items() for kind, value in zip(("clicks", "unique"), pair)}
    compare(f"{words}, pages", table(UNIQUE_ON_PAGE), found,
            others={f"a unique click is the first of a copy by {name}": lambda name=name: table(name)
                    for name in recount.links})
    if HITS >= 100_000:
        check(crowded, f"{words}: days with more than {PAGES_APART} pages: {sorted(crowded)}")
    for key in sorted(crowded):
        expected = {page: pair for (tag, day, page), pair in recount.links[UNIQUE_ON_PAGE].items() if (tag, day) == key}
        rest = rows[key].keys() - expected.keys()
        check(len(rest) <= 1 and len(rows[key]) <= PAGES_APART + 1, f"{words}, {key}: {len(rows[key])} rows for "
              f"{len(expected)} pages, the others as {sorted(rest)}")
        for index, kind in enumerate(("clicks", "unique clicks")):
            total = sum(pair[index] for pair in expected.values()), sum(pair[index] for pair in rows[key].values())
            check(total[0] == total[1], f"{words}, {key}: {total[1]} {kind}, of {total[0]}")
            over = [page for page in rows[key].keys() - rest if rows[key][page][index] > expected[page][index]]
            check(not over, f"{words}, {key}: no page has more {kind} than it got {over[:3]}")


def check_reasons(store, recount, words):
    """Why mails and links were not tracked. No reason of the generated ones belongs to two kinds."""
    found, kinds = collections.Counter(), collections.defaultdict(set)
    for tag, day, kind, reason, count in store.rows("SELECT tag, day, kind, reason, count FROM reason"):
        found[tag or "-", stored_day(day), reason] += count
        kinds[reason].add(kind)
    check(all(len(names) == 1 for names in kinds.values()), f"{words}: a kind for each reason: "
          f"{ {reason: next(iter(names)) for reason, names in kinds.items()} }")

    def table(name):   # "tracked" is no reason; whether it is counted beside them is free, but then rightly
        return {key: count for key, count in recount.reasons[name].items() if key[2] != "tracked" or "tracked" in kinds}
    compare(f"{words}, reasons", table(REASONS_FROM), found,
            others={f"reasons count with {name} attempt": lambda name=name: table(name) for name in recount.reasons})


def check_messages(console, recount):
    """What the API says of some mails' copies."""
    world = recount.world
    copies = collections.defaultdict(list)
    for index, copy in enumerate(world.copies):
        copies[copy.mail].append(index)
    picked = [number for number, mail in enumerate(world.mails) if not mail.untracked and mail.privacy != "anonymous"]
    for number in random.Random(1).sample(picked, min(200, len(picked))):
        mail = world.mails[number]
        answer = console.json(f"/api/v1/messages/{mail.hexadecimal}")
        expected = {}
        for index in copies[number]:
            copy = world.copies[index]
            expected[copy.number] = (mail.recipients[copy.number], copy.delivered, recount.opened.get(index),
                                     index in recount.inferred, recount.clicked.get(index))
        found = {copy["recipient"]: (copy["address"], copy.get("delivered"), copy.get("opened"), copy["isOpenInferred"],
                                     copy.get("clicked")) for copy in answer["copies"]}
        if found != expected:
            sys.exit(f"FAILED: copies of {mail.hexadecimal}: (address, delivered, opened, inferred, clicked) are "
                     f"{found}, should be {expected}")
    check(True, "copies of 200 mails: delivered, opened, clicked")


def check_event_pages(console, recount):
    """All clicks of a tag, page by page, by class."""
    world, tag = recount.world, TAGS[-1]
    found, cursor = collections.Counter(), 0
    while True:
        answer = console.json("/api/v1/events", tag=tag, kind="click", after=cursor, limit=1000)
        if any(event["sequence"] <= cursor for event in answer["events"]):
            sys.exit("FAILED: a page of events goes back")
        found.update(event["result"] for event in answer["events"])
        if not answer["events"]:
            break
        cursor = answer["next"]
    expected = collections.Counter(
        recount.classes[hit.number] for hit in world.hits
        if hit.copy >= 0 and hit.kind == "C" and world.mails[world.copies[hit.copy].mail].tag == tag)
    compare("classes of a tag's clicks by the API's pages", expected, found)


def check_report(site, recount, totals):
    """`tracerelay report` says what the API says."""
    span = ("--from", str(recount.world.days[0]), "--to", str(recount.world.today))
    for tag in (None, TAGS[0], TAGS[3]):
        result = site.run("report", "--json", *span, *(("--tag", tag) if tag else ()))
        if result.returncode != 0:
            sys.exit(f"FAILED: report: {result.stderr}")
        total = json.loads(result.stdout.splitlines()[-1])
        compare(f"report, {tag or 'all tags'}", {name: totals[tag][name] for name in FIGURES},
                {name: total.get(name) for name in FIGURES})


def time_pages(console, recount):
    """The console with the data in it: 15 requests a page after one to warm up."""
    # What is built here is a debug build; and a gate's machine may have others' work to do.
    limit = 100 if "TRACERELAY" in os.environ and "CI" not in os.environ else 400
    world = recount.world
    span = f"from={world.days[0]}&to={world.today}"
    counts = collections.Counter(world.copies[hit.copy].mail for hit in world.hits if hit.copy >= 0)
    busiest, (usual, _) = counts.most_common(1)[0][0], counts.most_common()[len(counts) // 2]
    pages = ["/", *(f"/tags/{tag}?{span}" for tag in (*TAGS, "-")), "/messages",
             "/messages?recipient=everybody%40customer.example", f"/messages?tag={TAGS[1]}",
             f"/messages/{world.mails[usual].hexadecimal}", f"/messages/{world.mails[busiest].hexadecimal}",
             "/feed", "/queue", "/health", f"/api/v1/stats?{span}&granularity=day",
             f"/api/v1/stats?{span}&granularity=day&tag={TAGS[2]}",
             f"/api/v1/stats?from={world.days[-2]}&to={world.today}&granularity=hour", "/api/v1/tags",
             "/api/v1/messages", "/api/v1/messages?recipient=everybody%40customer.example",
             f"/api/v1/messages/{world.mails[usual].hexadecimal}",
             "/api/v1/events", "/api/v1/events?limit=1000", f"/api/v1/events?tag={TAGS[3]}&kind=click", "/api/v1/queue",
             "/metrics"]
    slow = []
    for page in pages:
        console.get(page)
        spans = []
        for _ in range(15):
            begin = time.perf_counter()
            octets = len(console.get(page))
            spans.append((time.perf_counter() - begin) * 1000)
        median = statistics.median(spans)
        print(f"  {median:7.1f} ms, at most {max(spans):7.1f} ms, {octets:8d} octets  {page}", flush=True)
        if median > limit:
            slow.append(page)
    check(not slow, f"each page takes less than {limit} ms {slow}")


def run_measured(command):
    """Runs to the end; seconds, peak memory in MiB, what it said."""
    begin = time.monotonic()
    with open(FOLDER / "output", "w+b") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        children.append(process)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - begin
        output.seek(0)
        said = output.read().decode(errors="replace").strip()
    if process.returncode != 0:
        sys.exit(f"FAILED: {command}: status {process.returncode}: {said}")
    return seconds, usage.ru_maxrss / 1024, said


class Site(Relay):
    """A relay that is configured at once and started later."""
    is_configured = False
    peak = 0

    def start(self, environment=None):
        if self.is_configured:
            super().start(environment)
        self.is_configured = True

    def stop(self):
        status = open(f"/proc/{self.process.pid}/status").read()
        self.peak = max(self.peak, int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)
        super().stop()


def import_files(site, files):
    # Beside events that are there a start makes no key by itself.
    if not (site.data / "tracking.key").exists():
        site.data.mkdir(mode=0o700, exist_ok=True)
        made = site.run("key", "add", "--new-file")
        check(made.returncode == 0, f"a key of its own {made.stderr}".rstrip())
    # The generated journals hold mails and deliveries, as the relay's own does.
    return run_measured([COMMAND, "events", "import", "--from-relay", *files, "--config", site.config])


def sizes(site):
    for path in sorted(site.data.glob("events.*")):
        print(f"  {path.name}: {path.stat().st_size / 2**20:.1f} MiB")


def compare_all(site, recount, words):
    """Everything that is derived; returns the totals of the API."""
    store = Store(site.data / "events.sqlite")
    check_classes(store, recount, words)
    totals = check_stats(Console(site.web), recount, words)
    check_links(store, recount, words)
    check_reasons(store, recount, words)
    return totals


def import_twice(site, world, files):
    """Takes the journals over, then one of them and a copy of another again."""
    lines = sum(file.read_bytes().count(b"\n") for file in files)
    seconds, _, said = import_files(site, files)
    print(f"  {said}")
    check(True, f"{lines} lines imported in {seconds:.1f} s, {lines / seconds:,.0f} a second")
    store = Store(site.data / "events.sqlite")
    counts = [store.rows(sql).fetchone()[0] for sql in ("SELECT count(*) FROM message", "SELECT count(*) FROM event")]
    expected = [len(world.mails), len(world.deliveries) + len(world.hits)]
    check(counts == expected, f"each mail and event is there once: {counts} of {expected}")
    before = store.digest()
    moved = files[1].with_name("copy.journal")
    shutil.copy(files[1], moved)
    seconds, _, _ = import_files(site, [files[2], moved])
    check(store.digest() == before, f"imported again, nothing changes ({seconds:.1f} s)")


def change_rules(site, config, path):
    """Starts the service with other rules and applies them to what is stored while it runs."""
    site.stop()
    site.config.write_text(config.replace("[web]\n", f'[web]\nhit-classes-file = "{path}"\n') if path else config)
    site.start()
    seconds, _, said = run_measured([COMMAND, "events", "reclassify", "--config", site.config])
    print(f"  reclassified in {seconds:.1f} s: {said}")


def main():
    now = int(time.time() * 1000)
    begin = time.monotonic()
    world = World(MAILS, HITS, now)
    site = Site("figures", 'address = "127.0.0.1:9"', more="\n".join(f"[tag.{tag}]" for tag in TAGS if tag != "Test"),
                tracking='keep-subject = true\nkeep-personal = "400d"\nkeep-hits = "400d"\nkeep-figures = "800d"')
    files = world.write(FOLDER)
    print(f"{len(world.mails)} mails, {len(world.deliveries)} deliveries, {len(world.hits)} hits generated in "
          f"{time.monotonic() - begin:.1f} s, TZ={os.environ['TZ']}", flush=True)
    begin = time.monotonic()
    shipped = (ROOT / "Sources/TrackingEvents/Resources/hit-classes.conf").read_text()
    expected = Recount(world, Rules(shipped))
    print(f"counted in {time.monotonic() - begin:.1f} s", flush=True)
    if expected.on_the_hour:
        print(f"  {expected.on_the_hour} clicks are exactly an hour after the last counted one: taken as beyond it")
    import_twice(site, world, files)
    site.start()
    totals = compare_all(site, expected, "imported")
    console = Console(site.web)
    check_messages(console, expected)
    check_event_pages(console, expected)
    check_report(site, expected, totals)
    time_pages(console, expected)
    print("other rules")
    config = site.config.read_text()
    rules_file = FOLDER / "hit-classes.conf"
    rules_file.write_text(shipped + ADDED_RULES)
    changed = Recount(world, Rules(shipped + ADDED_RULES), expected.verdicts)
    turned = collections.Counter((expected.classes[number], name) for number, name in changed.classes.items()
                                 if name != expected.classes[number])
    check(turned["human", "scanner"] > HITS / 200, f"the other rules turn {dict(turned)}")
    change_rules(site, config, rules_file)
    compare_all(site, changed, "other rules")
    change_rules(site, config, None)
    compare_all(site, expected, "shipped rules again")
    sizes(site)
    site.stop()
    print(f"  memory of the service at most {site.peak:.0f} MiB")


if __name__ == "__main__":
    end_summer_time(days_ago=12)
    main()
