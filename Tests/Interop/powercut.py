import collections
import hashlib
import os
import pathlib
import random
import re
import shutil
import smtplib
import socketserver
import sqlite3
import subprocess
import sys
import threading
import time

from disk import Disk, operations
from lab import FOLDER, Relay, check, wait_until

SEED = int(os.environ.get("SEED", time.time()))
MAILS, CONNECTIONS, CUTS, STARTS = 640, 6, 110, 4
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RECORDER = FOLDER / "recorder.so"


def mail(number):
    """Most fill segments fast; each 16th is large enough for a file of its own, each third small."""
    octets = 300_000 if number % 16 == 5 else 2_000 if number % 3 == 0 else 240_000
    line = hashlib.sha256(str(number).encode()).hexdigest() + "\r\n"
    return (f"From: a@b.test\r\nTo: c@d.test\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{number}@b.test>\r\n"
            f"MIME-Version: 1.0\r\nSubject: number {number}\r\n\r\n{line * (octets // len(line))}end {number}\r\n").encode()


class Upstream(socketserver.ThreadingTCPServer):
    """Takes mail for go@, and puts off mail for stay@ while `is_strict`."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        self.taken = {}
        self.is_strict = True
        super().__init__(("127.0.0.1", 0), Session)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        try:
            self.talk()
        except ConnectionError:
            pass

    def talk(self):
        self.say("220 upstream.test ESMTP")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.say("250 upstream.test")
            elif verb == b"RCPT" and b"stay@" in line and self.server.is_strict:
                self.say("451 4.2.0 not now")
            elif verb == b"DATA":
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b".") else line)
                content = b"".join(lines)
                number = int(re.search(rb"Subject: number (\d+)\r\n", content)[1])
                self.server.taken[number] = content[content.index(b"Subject: number"):]
                self.say(f"250 2.0.0 taken as {number}")
            elif verb == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 2.0.0 ok")


def send_share(relay, numbers, names):
    client = smtplib.SMTP("127.0.0.1", relay.smtp, timeout=120)
    for number in numbers:
        # One of five stays: sealed segments get sparse, and are compacted.
        recipient = "stay@d.test" if number % 5 == 1 else "go@d.test"
        try:
            client.mail("a@b.test")
            client.rcpt(recipient)
            code, text = client.data(mail(number))
        except smtplib.SMTPException:
            client = smtplib.SMTP("127.0.0.1", relay.smtp, timeout=120)
            continue
        if code == 250:
            names[text.decode().rsplit(" ", 1)[1]] = number
        else:
            client.rset()
    client.quit()


def record(name, **environment):
    """Runs a relay under load and kills it.
    Returns its log of operations, its folder, and the number of each mail by its queue id."""
    folder = FOLDER / f"{name}-disk"
    folder.mkdir()
    upstream = Upstream()
    log = FOLDER / f"{name}.operations"
    relay = Relay(name, f'address = "127.0.0.1:{upstream.server_address[1]}"\ntls = "none"', data=folder / "data",
                  environment={"LD_PRELOAD": RECORDER, "POWERCUT_DIRECTORY": folder, "POWERCUT_LOG": log, **environment})
    names, failures = {}, []

    def share(start):
        try:
            send_share(relay, range(start, MAILS, CONNECTIONS), names)
        except Exception as error:
            failures.append(repr(error))
    threads = [threading.Thread(target=share, args=(start,)) for start in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(not failures, f"{len(names)} of {MAILS} mails are acknowledged {failures[:2]}")
    # Some rounds more, for the compaction.
    time.sleep(1)
    relay.process.kill()
    relay.process.wait()
    upstream.shutdown()
    return log, folder, names


def number_of(name):
    value = 0
    for letter in name:
        value = value << 5 | ALPHABET.index(letter)
    return value


def write_tree(tree, folder):
    folder.mkdir(parents=True)
    for name, node in tree.items():
        if isinstance(node, dict):
            write_tree(node, folder / name)
        else:
            (folder / name).write_bytes(node)


def rows(data, folder):
    """The rows of a queue, by id, as SQLite recovers them."""
    shutil.rmtree(folder, ignore_errors=True)
    write_tree({name: node for name, node in data.items() if name.startswith("queue.sqlite")}, folder)
    database = sqlite3.connect(folder / "queue.sqlite")
    try:
        found = database.execute("SELECT id, segment, start, octets, damaged FROM message").fetchall()
    except sqlite3.Error as error:
        return {}, str(error)
    finally:
        database.close()
    return {row[0]: row[1:] for row in found}, ""


def lost(tree, wanted, key, folder):
    """Which of the mails that must be there are not, or not whole; and the key that their links are signed with."""
    data = tree.get("data", {})
    found, trouble = rows(data, folder)
    segments = data.get("segments", {})
    missing = ["the key file"] if wanted and data.get("tracking.key") != key else []
    for name, number in wanted.items():
        segment, start, octets, damaged = found.get(number_of(name), (0, 0, 0, 1))
        content = segments.get(f"{segment}.segment", b"")
        if damaged or content[start:start + octets] != mail(number):
            missing.append(f"{number} ({name} in {segment}) {trouble}")
    return missing


def start_for_real(tree, wanted, index):
    """A relay on what is left: everything that must be there arrives, whole."""
    disk = FOLDER / f"started-{index}"
    write_tree(tree, disk)
    upstream = Upstream()
    upstream.is_strict = False
    relay = Relay(f"start-{index}", f'address = "127.0.0.1:{upstream.server_address[1]}"\ntls = "none"',
                  data=disk / "data")
    wait_until(lambda: all(number in upstream.taken for number in wanted.values()), "arrival of all", seconds=60)
    for number in wanted.values():
        content = mail(number)
        if upstream.taken[number] != content[content.index(b"Subject: number"):]:
            sys.exit(f"FAILED: {number} is not whole")
    relay.process.kill()
    upstream.shutdown()
    shutil.rmtree(disk)


def replay(log, folder, names, seed):
    """Cuts the power at many points.
    Returns how many states there were, and what was lost."""
    dice = random.Random(seed)
    total, interesting, kinds = 0, [], collections.Counter()
    for total, (kind, *_) in enumerate(operations(log), 1):
        kinds[kind] += 1
        # Right behind a 250, a changed name and the end of a segment it counts.
        if kind in "aruc":
            interesting.append(total)
    cuts = set(dice.sample(interesting, min(len(interesting), CUTS * 3 // 4)))
    cuts |= set(dice.sample(range(1, total + 1), CUTS - len(cuts)))
    starts = set(dice.sample(sorted(cuts), STARTS))
    print(f"  {total} operations: {kinds['w']} writes, {kinds['s']} syncs, {kinds['r']} renames, {kinds['u']} unlinks, "
          f"{kinds['a']} times 250", flush=True)
    disk = Disk(str(folder))
    key = (folder / "data" / "tracking.key").read_bytes()
    acknowledged, delivered = {}, set()
    states, failures = 0, []
    for index, (kind, descriptor, number, one, two) in enumerate(operations(log), 1):
        if kind == "a":
            name = one.decode()
            # A 250 that the client did not see any more promises nothing to anybody.
            if name in names:
                acknowledged[name] = names[name]
        elif kind == "d":
            delivered.add(int(one))
        else:
            disk.perform(kind, descriptor, number, one, two)
        if index not in cuts:
            continue
        wanted = {name: number for name, number in acknowledged.items() if number not in delivered}
        for how in ("dropped", "half", "half", "all"):
            tree = disk.after_cut(how, dice)
            missing = lost(tree, wanted, key, FOLDER / "cut")
            states += 1
            if missing:
                failures.append(f"cut behind operation {index}, unsynced writes {how}: {missing[:3]}")
            elif index in starts and how == "dropped" and "data" in tree:
                start_for_real(tree, wanted, f"{log.stem}-{index}")
    return states, failures


def main():
    print(f"seed {SEED}")
    source = pathlib.Path(__file__).parent / "powercut" / "recorder.c"
    subprocess.run(["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", RECORDER, source, "-ldl", "-pthread"],
                   check=True)
    states, failures = 0, []
    for name, environment in [("plain", {}), ("full", {"POWERCUT_FULL_EACH": "9"})]:
        print(name)
        log, folder, names = record(name, **environment)
        check(len(names) >= MAILS * 3 // 4, "enough for the check to mean something")
        if environment:
            check(len(names) < MAILS, "the full disk was felt")
        more, lost_mails = replay(log, folder, names, SEED)
        states += more
        failures += lost_mails
        shutil.rmtree(folder)
        log.unlink()
    for failure in failures[:10]:
        print("  ", failure)
    check(states >= 500 and not failures, f"{len(failures)} of {states} states lose an acknowledged mail")


main()
