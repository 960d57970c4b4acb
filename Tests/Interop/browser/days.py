"""Thirty days of a shop's mail as a journal, so that the pages show what they show in earnest: long words, large
numbers, every class of hit."""

import random
import time

import xxhash

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
TAGS = ("newsletter", "order-confirmation", "win-back-2026-autumn-northern-countries", "")
SUBJECTS = ("50 % off until Sunday: everything for the garden, the balcony and the long evenings on it",
            "Ihre Bestellung ist auf dem Weg", "Ваш заказ", "We miss you",
            "Donaudampfschifffahrtsgesellschaftskapitän")
AGENTS = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
          "Safari/537.36",
          "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.3",
          "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", "Mozilla/5.0",
          "curl/8.5.0")
PAGES = ("https://shop.example/garden/?utm_source=mail&id={}", "https://shop.example/cart?for={}#top",
         "https://shop.example/catalogue/2026/autumn/all-that-a-garden-needs-before-the-frost/index.html?reader={}")
REPLIES = {"sent": "250 2.0.0 Ok: queued as 4F1A2", "bounced": "550 5.1.1 <nobody@customer.example>: Recipient address "
           "rejected: User unknown in virtual mailbox table", "deferred": "451 4.7.1 Greylisted, try again later",
           "uncertain": "the connection broke after the content", "expired": "451 4.7.1 Greylisted, try again later"}


def journal(mails=700):
    """Its octets."""
    chance = random.Random(4)
    now = int(time.time() * 1000) - MINUTE
    lines, number = [], 0

    def add(kind, message, moment, *fields):
        nonlocal number
        number += 1
        line = "\x1f".join(map(str, (number, kind, message, moment, *fields))).encode()
        lines.append((moment, xxhash.xxh64_hexdigest(line).encode() + line + b"\n"))

    def hit(kind, message, moment, agent, purpose="", flags=""):
        link = chance.randrange(3)
        add(kind, message, moment, 0, link if kind == "C" else "",
            PAGES[link].format(number) if kind == "C" else "", f"192.0.2.{number % 250}", agent, purpose, flags)

    for index in range(mails):
        message = f"{chance.getrandbits(80):020x}"
        # Every fourth is of today.
        moment = now - chance.randrange(12 * HOUR if index % 4 == 0 else 29 * DAY) - 2 * MINUTE
        tag = TAGS[min(chance.randrange(6), 3)]
        untracked = "" if tag else "not-asked"
        status = chance.choices(list(REPLIES), (90, 3, 5, 1, 1))[0]
        passed = "dkim-signed" if tag and chance.random() < 0.06 else ""
        add("M", message, moment, f"38GG{index:09d}", tag, "shop.example", untracked, "pseudonymous",
            chance.choice(SUBJECTS), f"customer.number.{index}@customer.example")
        links = "" if untracked or passed else "tracked=3 excluded=1 private-host=1"
        is_tracked = not untracked and not passed
        add("D", message, moment + 900, 0, status, "default", REPLIES[status], passed, int(is_tracked), links)
        if status != "sent" or not is_tracked or chance.random() < 0.4:
            continue
        read = min(moment + 5_000 + int(chance.expovariate(1 / HOUR)), now)
        hit("O", message, read, chance.choice(AGENTS))
        if chance.random() < 0.5:
            hit("C", message, min(read + 20_000, now), AGENTS[0])
        if chance.random() < 0.1:
            hit("O", message, read, AGENTS[0], "prefetch")
        if chance.random() < 0.1:
            hit("C", message, read, AGENTS[0], "", "H")
    return b"".join(line for _, line in sorted(lines))
