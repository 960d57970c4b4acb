"""Clicks under load, and whether each of them is stored once."""

import collections
import itertools
import re
import secrets
import sys
import threading
import time

from lab import check, wait_until
from wire import BROWSER, Connection, click_path


class Load:
    """Clicks at a steady rate over connections that stay open; each bears a number by which it is found again."""

    def __init__(self, port, key, rate, message=None, place=lambda number: (number, number % 50)):
        self.port, self.key, self.rate, self.place = port, key, rate, place
        self.message = message or secrets.token_bytes(10)
        self.numbers = itertools.count()
        self.answered = {}   # number: when
        self.began = {}
        self.slowest = 0.0
        self.faults = []
        self.is_over = self.ends_badly = False
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def target(number):
        return f"https://www.example.test/item?number={number}&x=%20y#z"

    def run(self):
        connection, due = None, time.monotonic()
        while not self.is_over:
            number = next(self.numbers)
            recipient, link = self.place(number)
            path = click_path(self.key, self.message, recipient, link, self.target(number).encode())
            self.began[number] = begin = time.monotonic()
            try:
                connection = connection or Connection(self.port)
                answer = connection.ask(path, fields=[("User-Agent", BROWSER)])
            except (OSError, IndexError) as error:
                if self.ends_badly:
                    return
                self.faults.append(f"hit {number}: {error!r}")
                connection = None
                continue
            end = time.monotonic()
            self.slowest = max(self.slowest, end - begin)
            if answer.status == 302 and answer.location == self.target(number):
                self.answered[number] = end
            else:
                self.faults.append(f"hit {number}: {answer.line}, {answer.location}")
            due += len(self.threads) / self.rate
            time.sleep(max(0, due - time.monotonic()))

    def more(self, count):
        """Waits for so many further hits."""
        goal = len(self.answered) + count
        wait_until(lambda: len(self.answered) >= goal or self.faults, f"{count} hits", seconds=120)

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(30)

    def check_answers(self, words):
        check(not self.faults, f"{words}: {len(self.answered)} hits, each 302 to its target {self.faults[:3]}")
        check(self.slowest < 1, f"{words}: the slowest after {self.slowest * 1_000:.0f} ms")

    def stored(self, relay):
        """How often each number is in the store; None while the store cannot be read."""
        events = relay.events(kind="click")
        if events is None:
            return None
        found = collections.Counter()
        for event in events:
            if event["message"] == self.message.hex():
                number = int(re.search(r"number=(\d+)", event["url"])[1])
                place = event.get("recipient"), event.get("link")
                if place != self.place(number) or event["url"] != self.target(number):
                    sys.exit(f"FAILED: hit {number} is stored as {event}")
                found[number] += 1
        return found

    def check_store(self, relay, numbers, words, seconds=60):
        """Each of these numbers is in the store once, and nothing is there twice."""
        numbers = list(numbers)
        end = time.monotonic() + seconds
        while True:
            found = self.stored(relay)
            missing = len(numbers) if found is None else sum(number not in found for number in numbers)
            if not missing or time.monotonic() > end:
                break
            time.sleep(0.2)
        check(numbers and not missing, f"{words}: {len(numbers) - missing} of {len(numbers)} hits are stored")
        # Once more when nothing is under way: what is stored late would be stored twice late.
        relay.settled()
        found = self.stored(relay)
        check(max(found.values()) == 1, f"{words}: none is stored twice")
        return found
