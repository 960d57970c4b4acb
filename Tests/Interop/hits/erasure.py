"""A recipient's data: taken out, handed over."""

import contextlib
import json
import sqlite3
import sys
import time

from lab import FOLDER, check, wait_until
from service import LOCAL, Service, letter, scripted, submit, upstream_lines
from wire import BROWSER, ask, click_path, open_path

HER = "annika.erasure@mail.test"


def rows_with(database, word):
    """Tables and columns that hold a word, whatever its letters' case."""
    found = []
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in database.execute(f'SELECT * FROM "{table}"'):
            texts = (value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row)
            if any(word in text.lower() for text in texts):
                found.append((table, row))
    return found


def erase():
    print("a recipient's data: taken out, handed over")
    upstream = scripted("erase-upstream", [
        {"at": "content", "address": HER, "action": "reply", "reply": f"250 2.0.0 Ok for {HER}"}])
    relay = Service(
        "erase", upstream_lines(upstream), web=LOCAL + 'trusted-proxies = ["127.0.0.1/32"]\n',
        tracking='privacy = "full"\nkeep-subject = true\nkeep-source = "1h"')
    mails = []
    for recipients in ([HER, "bob@mail.test"], ["Annika.ERASURE@Mail.Test"], ["bob@mail.test"]):
        queue_id, _ = submit(relay, recipients, letter(f"for {recipients[0]}".encode()))
        mails.append(relay.mail(queue_id, "sent")["mail"]["message"])
    hers, bobs = [(mails[0], 0), (mails[1], 0)], [(mails[0], 1), (mails[2], 0)]
    fields = [("User-Agent", BROWSER + " annika"), ("X-Forwarded-For", "198.51.100.77")]

    def hit(message, recipient, link, query=""):
        id = bytes.fromhex(message)
        ask(relay.web, open_path(relay.key, id, recipient), fields=fields)
        target = f"https://www.example.test/{link}{query}".encode()
        return ask(relay.web, click_path(relay.key, id, recipient, link, target), fields=fields)
    for message, recipient in hers + bobs:
        hit(message, recipient, 1, "?user=" + (HER if (message, recipient) in hers else "bob"))
    relay.settled()

    def events_of(address):
        return [event for event in relay.events() if event.get("address", "").lower() == address]

    def exported(address):
        result = relay.run("events", "export", address)
        if result.returncode != 0:
            sys.exit(f"FAILED: events export {address}: {result.stderr}")
        return [json.loads(line) for line in result.stdout.splitlines()]
    found = exported(HER)
    wanted = {event["sequence"] for event in events_of(HER)}
    check(len(wanted) >= 6 and {event["sequence"] for event in found} == wanted,
          f"export: all {len(found)} events of her two copies")
    check(all(event.get("address", "").lower() == HER for event in found), "and nobody else's")
    check(exported(HER.upper()) == found, "whatever the letters' case")
    his = exported("bob@mail.test")

    today = time.strftime("%Y-%m-%d")
    before = relay.api(f"stats?from={today}&to={today}")
    with contextlib.closing(sqlite3.connect(relay.data / "events.sqlite")) as database:
        check(rows_with(database, HER), "her address is in the store")
    for message in mails:
        wait_until(lambda: ask(relay.web, f"/messages/{message}/original").status == 200, "a mail's text")
    result = relay.run("events", "erase", "ANNIKA.erasure@mail.TEST")
    check(result.returncode == 0, f"events erase: {(result.stdout + result.stderr).strip()}")
    check(relay.api(f"stats?from={today}&to={today}") == before, "the figures stay")
    check(exported(HER) == [] and exported("bob@mail.test") != [], "there is nothing to export of her")
    check([event["sequence"] for event in exported("bob@mail.test")] == [event["sequence"] for event in his],
          "Bob's events stay")
    check(relay.api(f"messages?recipient={HER}")["messages"] == [], "no search finds her")
    # A copy that is erased stays so: what it does from now on is counted and no more. The service must notice what
    # another process did to its database.
    check(hit(mails[0], 0, 2).status == 302, "her link goes on working")
    check(hit(mails[1], 0, 2).status == 302, "in the other mail, too")
    relay.settled()
    whole = FOLDER / "vacuumed.sqlite"
    with contextlib.closing(sqlite3.connect(relay.data / "events.sqlite")) as database:
        rows = rows_with(database, HER)
        check(not rows, f"no row holds her address {rows[:1]}")
        kept = [row for message, recipient in hers for row in database.execute(
            "SELECT kind, recipient, client, agent, reply FROM event WHERE message = ? AND (recipient = ? OR recipient "
            "IS NULL) AND (client <> '' OR agent <> '' OR reply <> '')", (bytes.fromhex(message), recipient))]
        check(not kept, f"none holds client, agent or reply of her copies {kept[:1]}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("VACUUM INTO ?", (str(whole),))
    check(HER.encode() not in whole.read_bytes().lower(), "nor does the file, after VACUUM")
    live = (relay.data / "events.sqlite").read_bytes().lower()
    print(f"  free pages of the file in use hold it {live.count(HER.encode())} times")
    for message in mails[:2]:
        if ask(relay.web, f"/messages/{message}/original").status != 404:
            sys.exit(f"FAILED: the text of mail {message} to her is still shown")
    check(ask(relay.web, f"/messages/{mails[2]}/original").status == 200, "the texts of her mails are gone")
    relay.stop()
