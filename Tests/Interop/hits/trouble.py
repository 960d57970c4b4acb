"""A database in trouble, and kill -9, under load: no redirect waits, and no hit is lost."""

import ctypes
import os
import subprocess
import sys
import time

from lab import check, children
from load import Load
from service import Service
from wire import ask

LIBC = ctypes.CDLL(None, use_errno=True)


def exchange(one, other):
    """Two names change places in one step: at no moment is there nothing that the service could make anew."""
    if LIBC.renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) != 0:
        raise OSError(ctypes.get_errno(), f"renameat2 {one} {other}")


def database_files(relay):
    paths = [relay.data / f"events.sqlite{suffix}" for suffix in ("-shm", "-wal", "")]
    return [path for path in paths if path.exists()]


def away():
    print("events.sqlite is moved away under load, a folder in its place, and comes back")
    relay = Service("away")
    load = Load(relay.web, relay.key, 200)
    load.more(400)
    elsewhere = relay.folder / "elsewhere"
    elsewhere.mkdir()
    mark = relay.log_size()
    files = database_files(relay)
    for path in files:
        (elsewhere / path.name).mkdir()
        exchange(path, elsewhere / path.name)
    relay.wait_for_log("cannot be stored", mark)
    check((relay.data / "events.sqlite").is_dir(), "the log says that events cannot be stored")
    load.more(800)
    check(ask(relay.web, "/livez").status == 200, "the service lives")
    for path in files:
        exchange(path, elsewhere / path.name)
        (elsewhere / path.name).rmdir()
    load.more(400)
    load.stop()
    load.check_answers("without a database")
    load.check_store(relay, load.answered, "without a database")
    relay.stop()


def locked():
    print("another process holds events.sqlite for five seconds under load")
    relay = Service("locked")
    load = Load(relay.web, relay.key, 200)
    load.more(400)
    mark = relay.log_size()
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sqlite3, sys, time\n"
         "database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)\n"
         "database.execute('BEGIN EXCLUSIVE')\nprint('held', flush=True)\ntime.sleep(5)\n"
         "database.execute('ROLLBACK')", relay.data / "events.sqlite"], stdout=subprocess.PIPE, text=True)
    children.append(holder)
    check(holder.stdout.readline() == "held\n", "it holds the database")
    relay.wait_for_log("cannot be stored", mark, seconds=5)
    check(holder.wait(30) == 0, "it held it for five seconds, and the log says so")
    load.more(400)
    load.stop()
    load.check_answers("database locked")
    load.check_store(relay, load.answered, "database locked")
    relay.stop()


def delete_database(relay):
    # The main file last: whoever makes it anew must not find the old one's log beside it.
    for path in database_files(relay):
        path.unlink()
    return time.monotonic()


def check_deletion(relay, load, deletion, words):
    load.check_answers(words)
    young = [number for number in load.answered if load.began[number] > deletion - 2]
    found = load.check_store(relay, young, f"{words}, from two seconds before it")
    print(f"  of {len(load.answered) - len(young)} older hits {len(found) - len(young)} came back")
    relay.stop()


def deleted():
    print("events.sqlite is deleted under load, in the journal's first minute")
    relay = Service("deleted")
    load = Load(relay.web, relay.key, 200)
    load.more(1_000)
    deletion = delete_database(relay)
    load.more(800)
    load.stop()
    check_deletion(relay, load, deletion, "database deleted")


def turn():
    print("events.sqlite is deleted under load, just when the journal begins anew")
    relay = Service("turn")
    load = Load(relay.web, relay.key, 200)
    load.more(400)
    journal = relay.data / "events.journal"
    largest = 0
    end = time.monotonic() + 90
    # Should it never grow shorter, then any moment is as good.
    while (size := journal.stat().st_size) >= largest and time.monotonic() < end:
        largest = size
        time.sleep(0.002)
    deletion = delete_database(relay)
    print(f"  the journal went from {largest} to {size} octets")
    load.more(800)
    load.stop()
    check_deletion(relay, load, deletion, "database deleted at the journal's turn")


def kill():
    print("kill -9 under load")
    relay = Service("killed")
    load = Load(relay.web, relay.key, 500)
    load.more(2_500)
    load.ends_badly = True
    end = time.monotonic()
    relay.process.kill()
    relay.process.wait()
    load.stop()
    check(not load.faults, f"{len(load.answered)} hits were answered, each 302 to its target {load.faults[:3]}")
    relay.start()
    old = [number for number, when in load.answered.items() if when < end - 1]
    found = load.check_store(relay, old, "answered more than a second before kill -9")
    young = set(load.answered) - set(old)
    print(f"  of the last second's {len(young)} hits {sum(number not in found for number in young)} are missing")
    path, message = relay.fresh_link()
    check(ask(relay.web, path).status == 302 and relay.events_of(message), "the relay goes on where it was")
    relay.stop()
