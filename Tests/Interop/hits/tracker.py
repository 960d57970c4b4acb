"""A tracker without a database, whose journal another relay takes over."""

import collections
import re
import subprocess
import sys
import time

from lab import COMMAND, FOLDER, FakeUpstream, check, children, wait_until
from load import Load
from service import Service, letter, submit, upstream_lines
from wire import ask, click_path, read_key


class Tracker:
    """`tracerelay serve --only tracking`, which knows the key file and nothing else."""

    def __init__(self, name, key_file):
        self.folder = FOLDER / name
        self.folder.mkdir()
        self.data = self.folder / "data"
        self.journal = self.data / "events.journal"
        self.config = self.folder / "relay.conf"
        copy = self.folder / "tracking.key"
        copy.write_bytes(key_file.read_bytes())
        self.key = read_key(copy)
        self.config.write_text(f"""\
data-directory = "{self.data}"
[tracking]
base-url = "https://track.example.test"
key-file = "{copy}"
[web]
tracking-address = "127.0.0.1:0"
address = "127.0.0.1:0"
""")
        self.start()

    def start(self):
        path = self.folder / "log"
        with open(path, "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--only", "tracking", "--config", self.config], stderr=log,
                stdout=subprocess.DEVNULL)
        children.append(self.process)

        def tracking_port():
            if self.process.poll() is not None:
                sys.exit(f"FAILED: the tracker ended:\n{path.read_text()}")
            ports = map(int, re.findall(r"http=\S+:(\d+)", path.read_bytes()[before:].decode()))
            # The other one is for health.
            return next((port for port in ports if ask(port, "/livez").status == 404), None)
        self.port = wait_until(tracking_port, "the tracker listens")


def journal_lines(*paths):
    return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())


def take_over(relay, *paths):
    result = relay.run("events", "import", *map(str, paths))
    check(result.returncode == 0, "events import: " + "; ".join((result.stdout + result.stderr).splitlines()))


def dmz():
    print("a tracker in another place, with the key file alone")
    upstream = FakeUpstream("dmz-upstream")
    relay = Service("dmz", upstream_lines(upstream))
    queue_id, _ = submit(relay, ["ann@mail.test", "bob@mail.test"], letter())
    mail = relay.mail(queue_id, "sent")
    message = bytes.fromhex(mail["mail"]["message"])
    addresses = {copy["recipient"]: copy["address"] for copy in mail["copies"]}
    tracker = Tracker("tracker", relay.data / "tracking.key")
    for path in ("/", "/queue", "/messages", "/feed", "/live", "/health", "/login", "/metrics", "/livez", "/readyz",
                 "/api/v1/events", "/api/v1/queue", "/assets/console.js", "/c/bad"):
        answer = ask(tracker.port, path)
        if answer.status != 404 or b"tracerelay" in answer.body:
            sys.exit(f"FAILED: the tracker answers {path}: {answer.head}")
    check(True, "it serves nothing but pixel and links")

    load = Load(tracker.port, tracker.key, 300, message, place=lambda number: (number % 2, number))
    load.more(300)
    first, second = tracker.folder / "first", tracker.folder / "second"
    tracker.journal.rename(first)
    load.more(300)
    load.stop()
    load.check_answers("the tracker")
    wait_until(lambda: journal_lines(first, tracker.journal) == len(load.answered), "a line for each hit")
    check(tracker.journal.exists() and journal_lines(first) >= 100, "a journal moved away is followed by a new one")
    tracker.journal.rename(second)
    names = sorted(path.name for path in tracker.data.iterdir())
    check(not any("sqlite" in name for name in names), f"it keeps no database: {names}")

    # The relay takes the journals over while it stores hits of its own.
    own = Load(relay.web, relay.key, 100)
    own.more(50)
    take_over(relay, first, second)
    own.more(50)
    own.stop()
    load.check_store(relay, load.answered, "taken over")
    own.check_store(relay, own.answered, "the relay's own meanwhile")
    own.check_answers("the relay's own meanwhile")
    events = [event for event in relay.events(kind="click") if event["message"] == message.hex()]
    strays = [event for event in events if (event.get("tag"), event.get("queueID")) != ("Test", queue_id)
              or event.get("address") != addresses[event["recipient"]]]
    check(not strays, f"each of {len(events)} is joined to its mail, tag and recipient {strays[:1]}")
    before, figures = relay.settled(), relay.api("stats")["total"]
    take_over(relay, first, second)
    after, again = relay.settled(), relay.api("stats")["total"]
    # The hit that settles is an open of a mail without tag, and no copy's.
    known = {name for name in figures if figures[name] != again[name]}
    check(after == before + 1, "taken over again: nothing is new")
    check(known <= {"opens", "uniqueOpens", "scanner", "human"}, f"and no figure grows by it {known}")

    load = Load(tracker.port, tracker.key, 300, message, place=lambda number: (number % 2, 100_000 + number))
    load.more(900)
    load.ends_badly = True
    end = time.monotonic()
    tracker.process.kill()
    tracker.process.wait()
    load.stop()
    # As a crash in the middle of a line would leave it.
    with open(tracker.journal, "ab") as journal:
        journal.write(b"0123456789abcdef12345\x1fC\x1f" + message.hex().encode()[:7])
    take_over(relay, tracker.journal)
    events = [event for event in relay.events(kind="click") if event["message"] == message.hex()]
    found = collections.Counter(event["link"] - 100_000 for event in events if event["link"] >= 100_000)
    old = [number for number, when in load.answered.items() if when < end - 1]
    missing = [number for number in old if found[number] != 1]
    check(old and not missing, f"kill -9 of the tracker: {len(old)} hits before the last second {missing[:3]}")
    young = set(load.answered) - set(old)
    print(f"  of the last second's {len(young)} hits {sum(number not in found for number in young)} are missing")
    tracker.start()
    path = click_path(tracker.key, message, 0, 200_000, b"https://www.example.test/")
    check(ask(tracker.port, path).status == 302, "the tracker goes on")
    wait_until(lambda: b"\x1f200000\x1f" in tracker.journal.read_bytes(), "its hit in the journal")
    take_over(relay, tracker.journal)
    check(any(event["link"] == 200_000 for event in relay.events(kind="click")), "behind the torn line, too")
    tracker.process.terminate()
    check(tracker.process.wait(30) == 0, "the tracker stops with status 0")
    relay.stop()
