"""A relay and a fake upstream as processes, on free ports, in a folder of their own."""

import atexit
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]


def built_command():
    if "TRACERELAY" in os.environ:
        return os.environ["TRACERELAY"]
    subprocess.run(["swift", "build", "--product", "tracerelay"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    folder = subprocess.run(
        ["swift", "build", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    return folder + "/tracerelay"


COMMAND = built_command()
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="tracerelay-interop-"))
atexit.register(shutil.rmtree, FOLDER, True)
children = []
# So that `finally` and atexit do their work when a gate ends the script.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def stop_all():
    for child in children:
        if child.poll() is None:
            child.kill()


atexit.register(stop_all)


def check(condition, words):
    """An assertion with a line of progress."""
    if not condition:
        sys.exit(f"FAILED: {words}")
    print("  ok:", words, flush=True)


def wait_until(condition, words, seconds=20):
    """Polls until `condition` returns something true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            sys.exit(f"FAILED: {words} did not happen within {seconds} s")
        time.sleep(0.02)


class FakeUpstream:
    """`tracerelay fake-upstream`, capturing into a folder."""

    def __init__(self, name="upstream", *arguments):
        self.box = FOLDER / name
        self.box.mkdir()
        self.authority = FOLDER / f"{name}.pem"
        self.process = subprocess.Popen(
            [COMMAND, "fake-upstream", "--address", "127.0.0.1:0", "--directory", self.box,
             "--ca-file", self.authority, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        children.append(self.process)
        line = self.process.stdout.readline()
        check("listening on" in line, f"fake upstream: {line.strip()}")
        self.port = int(line.rsplit(":", 1)[1])

    def numbers(self):
        return sorted(path.stem for path in self.box.glob("*.json"))

    def take(self, number):
        """Message `number` (from 1) once it is there: its bytes and what is known of its transaction."""
        stem = f"{number:06d}"
        wait_until((self.box / f"{stem}.json").exists, f"arrival of message {number}")
        return (self.box / f"{stem}.eml").read_bytes(), json.loads((self.box / f"{stem}.json").read_text())


class Relay:
    """`tracerelay serve`; `upstream` holds the lines of [upstream.default]."""

    def __init__(self, name, upstream, more="", tracking="", listener="", environment=None, data=None):
        self.folder = FOLDER / name
        self.folder.mkdir()
        self.data = pathlib.Path(data or self.folder / "data")
        self.config = self.folder / "relay.conf"
        self.config.write_text(f"""\
hostname = "relay.test"
data-directory = "{self.data}"
[[listener]]
address = "127.0.0.1:0"
{listener}
[upstream.default]
{upstream}
[tracking]
base-url = "https://track.example.test"
{tracking}
[tag.Test]
[web]
address = "127.0.0.1:0"
tracking-address = "127.0.0.1:0"
i-accept-open-console = true
[queue]
retry = ["500ms"]
{more}
""")
        self.log_path = self.folder / "log"
        self.start(environment)

    def start(self, environment=None):
        with open(self.log_path, "ab") as log:
            before = log.tell()
            self.process = subprocess.Popen(
                [COMMAND, "serve", "--config", self.config], stderr=log, stdout=subprocess.DEVNULL,
                env={**os.environ, **(environment or {})})
        children.append(self.process)
        log = self.wait_for_log("listening http=", before)
        self.smtp = int(re.search(r"smtp=\S+:(\d+)", log)[1])
        self.web = int(re.search(r"http=\S+:(\d+)", log)[1])

    def log(self, since=0):
        return self.log_path.read_bytes()[since:].decode()

    def wait_for_log(self, text, since=0, seconds=20):
        def there():
            if self.process.poll() is not None:
                sys.exit(f"FAILED: the relay ended:\n{self.log(since)}")
            log = self.log(since)
            return log if text in log else None
        end = time.monotonic() + seconds
        while True:
            log = there()
            if log:
                return log
            if time.monotonic() > end:
                sys.exit(f"FAILED: {text!r} never stood in the log:\n{self.log(since)}")
            time.sleep(0.02)

    def run(self, *arguments):
        return subprocess.run([COMMAND, *arguments, "--config", self.config], capture_output=True, text=True)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check(self.process.wait(30) == 0, "the relay stops with status 0")
