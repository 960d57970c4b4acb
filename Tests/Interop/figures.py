"""An oracle for the figures: generated mails, deliveries and hits, counted by the definitions and by tracerelay.

The counting half (`Rules`, `Recount`) knows the definitions and Sources/TrackingEvents/Resources/hit-classes.conf, and
nothing of how tracerelay counts: it sorts all hits of a copy by time and looks at them once, with everything known.
"""

import collections
import datetime
import hashlib
import http.client
import ipaddress
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

import xxhash

from lab import COMMAND, FOLDER, ROOT, Relay, check, children

MAILS = int(os.environ.get("FIGURES_MAILS", 10_000))
HITS = int(os.environ.get("FIGURES_HITS", 100_000))
DAYS = 30
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
QUARTER = 900_000   # every hour and day begins with one, so figures are gathered by quarters
CLICK_WINDOW = HOUR
PAGES_APART = 1_000

# Where the definitions leave room: what is expected here. Where the others fit, a failure says so.
UNKNOWN_MAIL_TAG = None   # hits whose mail is not known are figures of no tag; "-": of mail without a tag
UNIQUE_ON_PAGE = "page"   # a unique click of a page: a copy's first on that page; "link": on that link; "copy": at all
REASONS_FROM = "every"    # reasons count with each attempt; "sent": with those that delivered

FIGURES = ("accepted", "tracked", "sent", "deferred", "failed", "opens", "uniqueOpens", "inferredOpens", "clicks",
           "uniqueClicks", "copies", "copiesOpened", "copiesClicked", "human", "proxy", "privacy", "scanner", "prefetch",
           "head")
TAGS = ("Test", "newsletter", "shop_orders", "password-reset", "Alerts2")
SALE = "shop_orders"      # links to thousands of pages, and on one day to more than are told apart


# MARK: Time

def end_summer_time(days_ago):
    """Sets a time zone whose summer time ended some days ago: one of the days has 25 hours."""
    def julian(days):
        day = datetime.date.today() - datetime.timedelta(days)
        # J counts as if there never were a 29 February.
        return 59 if (day.month, day.day) == (2, 29) else day.replace(year=2025).timetuple().tm_yday
    os.environ["TZ"] = f"XST-1XDT,J{julian(days_ago + 100)}/2,J{julian(days_ago)}/3"
    time.tzset()


def day_of(milliseconds):
    """The local day, such as 20261124."""
    local = time.localtime(milliseconds // 1000)
    return local.tm_year * 10_000 + local.tm_mon * 100 + local.tm_mday


def start_of(date):
    """When a local day begins."""
    return int(time.mktime((date.year, date.month, date.day, 0, 0, 0, 0, 0, -1))) * 1000


def clock(milliseconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(milliseconds // 1000)) + f".{milliseconds % 1000:03d}"


# MARK: The generated world

PRIVACIES = ("pseudonymous", "full", "anonymous")
BROWSERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 "
    "Edg/131.0.2903.51",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.3",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:115.0) Gecko/20100101 Thunderbird/115.16.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Safari/605.1.15",
    "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 OPR/115.0",
    "KMail/6.2.2",
]
CUBOT = ("Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile "
         "Safari/537.36")
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
GMAIL_AHEAD = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
               "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0")
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
PROGRAMS = [
    "", "", "curl/8.5.0", "Wget/1.21.4", "python-requests/2.32.3", "Go-http-client/2.0", "okhttp/4.12.0",
    "Barracuda Sentinel (EE)", "WhatsApp/2.24.20 A", "facebookexternalhit/1.1", "Mozilla/5.0 (compatible; bingbot/2.0)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "SomeCRAWLER/1", "GOOGLEBOT", "Mozilla/5.0 (compatible; "
    "AhrefsBot/7.0; +http://ahrefs.com/robot/)", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/131.0.0.0 Safari/537.36",
]
FILTERS = ["40.92.0.0", "40.93.255.255", "40.107.17.4", "52.103.255.1", "104.47.127.255", "2a01:111:f403::1",
           "2a01:111:f403:c901::7", "209.222.87.255", "148.163.159.9", "91.220.42.201"]
# Just beside what the rules list.
NEIGHBOURS = ["40.91.255.255", "40.94.0.0", "40.108.0.1", "104.47.128.0", "2a01:111:f402::1", "209.222.88.0", "::1"]
PURPOSES = ["prefetch", "prefetch;prerender", "Prefetch;anonymous-client-ip", "preview", "PREVIEW"]
# What the changed rules take for filters; see ADDED_RULES.
COMPANY, OFFICE = "198.51.100.", "203.0.113."
ADDED_RULES = """
scanner network 198.51.100.0/24
scanner network 2001:db8:77::/48
scanner network 203.0.113.128/25
scanner agent *thunderbird*
"""
SUBJECTS = ["Grüße aus Köln", "Ваш заказ №{}", "ご注文の確認 {}", "Your order {}", "תודה {}", "50 % off – only {} left 🎉", ""]
UNTRACKED = [("not-asked", False), ("malformed-trace", False), ("unknown-tag", False), ("flags-off", True),
             ("tracking-off", True), ("sender-not-allowed", True)]
PASSED = ("no-html-part", "dkim-signed", "nothing-to-track", "charset-undecodable")

Mail = collections.namedtuple("Mail", "number hexadecimal time tag untracked privacy recipients subject links is_late")
Copy = collections.namedtuple("Copy", "mail number delivered")
Delivery = collections.namedtuple("Delivery", "number time copy status is_tracked passed links")
Hit = collections.namedtuple("Hit", "time copy kind link client agent purpose flags is_late number")


def url_of(mail_number, mail, recipient, link):
    """Where a link leads: the query differs per recipient, and some links of a mail lead to one page."""
    if mail.tag == SALE:
        if link < 2:
            return f"https://shop.example/?from={('logo', 'foot')[link]}&u={mail_number}.{recipient}"
        return f"https://shop.example/item/{(mail_number * 10 + link) % 4_000}?u={mail_number}.{recipient}"
    if link == 0:
        return f"https://www.{mail.tag.lower()}.example"
    if link == 1:
        return f"https://www.{mail.tag.lower()}.example/a%20b/#top?no=query"
    if link < 4:
        return f"https://www.{mail.tag.lower()}.example/stra%C3%9Fe?u={recipient}&m={mail_number}#p{link}"
    return f"https://www.{mail.tag.lower()}.example/{link}/{mail_number % 7}?r={mail_number}.{recipient}"


class World:
    """Mails, copies, deliveries and hits. Opens have odd milliseconds and all else even ones, so that it is never open
    to dispute which of a click and an open of a copy came first."""

    def __init__(self, mails, hits, now):
        self.random = random.Random(20_261_124)
        self.end = now - MINUTE
        self.today = datetime.date.fromtimestamp(now / 1000)
        self.days = [self.today - datetime.timedelta(back) for back in range(DAYS - 1, -1, -1)]
        self.start = start_of(self.days[0])
        self.mails, self.copies, self.deliveries, self.hits = [], [], [], []
        self.numbers = 0
        self.unknown = [f"{self.random.getrandbits(80):020x}" for _ in range(max(1, mails // 100))]
        self.people = [self.address() for _ in range(max(50, mails // 3))]
        for _ in range(mails):
            self.add_mail()
        self.add_hits(hits)

    def next_number(self):
        """Any 62 bits, but unique: an odd factor maps all numbers to one another."""
        self.numbers += 1
        return self.numbers * 0x2545F4914F6CDD1D % 2**62

    def address(self):
        """Somebody at home, in a company, or with IPv6."""
        choice, pick = self.random.random(), self.random.randrange
        if choice < 0.04:
            return COMPANY + str(pick(256))
        if choice < 0.08:
            return OFFICE + str(pick(256))
        if choice < 0.10:
            return f"2001:db8:77:{pick(1, 9)}::{pick(1, 99)}"
        if choice < 0.25:
            return f"2a02:810{pick(8)}:{pick(1, 4096):x}::{pick(1, 4096):x}"
        return f"{pick(77, 89)}.{pick(256)}.{pick(256)}.{pick(256)}"

    def add_mail(self):
        chance, pick = self.random.random, self.random.randrange
        moment = self.start + int(chance() * (self.end - self.start)) & ~1
        number = len(self.mails)
        untracked, tag = "", TAGS[min(int(chance() * 6), 4)]
        if chance() < 0.10:
            untracked, keeps_tag = UNTRACKED[pick(len(UNTRACKED))]
            tag = tag if keeps_tag else ""
        privacy = PRIVACIES[0 if chance() < 0.80 else 1 if chance() < 0.75 else 2]
        recipients = [f"User{pick(len(self.people))}@customer.example" for _ in range((1, 1, 1, 2, 3)[pick(5)])]
        if chance() < 0.03:
            recipients[0] = "everybody@customer.example"
        mail = Mail(self.next_number(), f"{self.random.getrandbits(80):020x}", moment, tag, untracked, privacy, recipients,
                    SUBJECTS[number % len(SUBJECTS)].format(number), 12 if tag == SALE else pick(3, 9), chance() < 0.03)
        self.mails.append(mail)
        # An anonymous copy cannot be told by its hits; one that passed through has no pixel.
        passed = PASSED[pick(len(PASSED))] if not untracked and chance() < 0.06 else ""
        is_tracked = not untracked and not passed and privacy != "anonymous"
        links = {"tracked": mail.links} if not untracked and not passed else {}
        if chance() < 0.3 and links:
            links[("excluded", "trace-off", "private-host", "other-scheme")[pick(4)]] = pick(1, 5)
        for index in range(len(recipients)):
            self.deliver(number, index, is_tracked, passed, links)

    def deliver(self, number, index, is_tracked, passed, links):
        chance = self.random.random
        fate, moment, attempts = chance(), self.mails[number].time, []
        moment += 200 + int(chance() * 4_000) & ~1
        if fate < 0.08:
            for _ in range(self.random.randint(1, 3)):
                attempts.append((moment, "deferred" if fate > 0.01 else "uncertain"))
                moment += MINUTE + int(chance() * 30 * MINUTE) & ~1
        if fate < 0.92:
            attempts.append((moment, "sent"))
        elif fate < 0.95:
            attempts.append((moment, "bounced"))
        elif fate < 0.96:
            attempts += [(moment, "deferred"), (moment + 5 * HOUR, "expired")]
        elif fate < 0.97:   # the 250 was lost once
            attempts += [(moment, "sent"), (moment + 90 * SECOND, "sent")]
        copy, delivered = len(self.copies), None
        for moment, status in attempts:
            if moment <= self.end:
                self.deliveries.append(Delivery(self.next_number(), moment, copy, status, is_tracked, passed, links))
                if status == "sent" and delivered is None:
                    delivered = moment
        self.copies.append(Copy(number, index, delivered))

    def add_hits(self, wanted):
        chance = self.random.random
        eligible = [index for index, copy in enumerate(self.copies)
                    if not self.mails[copy.mail].untracked and (copy.delivered or chance() < 0.1)]
        self.random.shuffle(eligible)
        self.sale_day(wanted // 30, eligible)
        count = len(eligible)
        while len(self.hits) < wanted:
            # Some mails are read much more than others.
            self.visit(eligible[int(count * chance() ** 1.5)])

    def push(self, copy, moment, kind, link, client, agent, purpose="", flags=""):
        """A hit, unless it is still to come."""
        moment = moment | 1 if kind == "O" else moment & ~1
        if self.start <= moment <= self.end:
            self.hits.append(Hit(moment, copy, kind, link, client, agent, purpose, flags, self.random.random() < 0.04,
                                 self.next_number()))

    def sale_day(self, wanted, eligible):
        """One day on which people follow links to more pages than are told apart."""
        begin = start_of(self.days[-7])
        copies = [index for index in eligible if self.mails[self.copies[index].mail].tag == SALE
                  and (self.copies[index].delivered or self.end) < begin]
        for _ in range(wanted if copies else 0):
            copy = self.random.choice(copies)
            self.push(copy, begin + int(self.random.random() * 20 * HOUR), "C", self.random.randrange(12),
                      *self.home(copy))

    def home(self, copy):
        """Where and with what the reader of a copy mostly reads."""
        return self.people[copy * 7_919 % len(self.people)], BROWSERS[copy * 104_729 % len(BROWSERS)]

    def visit(self, copy):
        """Something that happens to a copy."""
        chance, pick, push = self.random.random, self.random.randrange, self.push
        mail = self.mails[self.copies[copy].mail]
        delivered = self.copies[copy].delivered
        begin = (delivered or mail.time) + 3 * SECOND
        if self.end - begin < 10 * SECOND:
            return
        moment = begin + int(self.random.expovariate(1 / DAY))
        if moment > self.end:
            moment = begin + int(chance() * (self.end - begin))
        client, agent = self.home(copy)
        if chance() < 0.15:   # another machine of hers
            client, agent = self.people[pick(len(self.people))], BROWSERS[pick(len(BROWSERS))]
        link, choice = pick(mail.links), chance()
        if choice < 0.30:
            push(copy, moment, "O", None, client, agent)
        elif choice < 0.38:
            push(copy, moment, "O", None, f"66.249.{pick(64, 96)}.{pick(256)}", GMAIL if chance() < 0.7 else YAHOO)
        elif choice < 0.45:
            push(copy, moment, "O", None, f"17.58.{pick(256)}.{pick(256)}", "Mozilla/5.0")
        elif choice < 0.62:
            push(copy, moment, "C", link, client, agent)
            if chance() < 0.4:
                push(copy, moment + 4 * SECOND, "O", None, client, agent)
            if chance() < 0.3:
                push(copy, moment + 7 * SECOND, "C", (link + 1) % mail.links, client, agent)
        elif choice < 0.76:
            self.repeat(copy, moment, link, client, agent)
        elif choice < 0.80:
            self.burst(copy, moment, mail.links)
        elif choice < 0.84 and delivered and mail.privacy != "anonymous":
            # About the 250: a click at 2 s after it is a person's. Each from a source of its own.
            client = f"100.{pick(64, 128)}.{pick(256)}.{pick(256)}"
            kind = "OC"[pick(2)]
            offsets = (-pick(delivered - mail.time), -2, 0, 600, 1_999, 2_001) if kind == "O" else (
                -pick(delivered - mail.time), -2, 0, 600, 1_998, 2_000, 2_002)
            push(copy, delivered + self.random.choice(offsets), kind, link, client, agent)
        elif choice < 0.87:
            push(copy, moment, "OC"[pick(2)], link, FILTERS[pick(len(FILTERS))], agent)
        elif choice < 0.88:
            push(copy, moment, "OC"[pick(2)], link, NEIGHBOURS[pick(len(NEIGHBOURS))], agent)
        elif choice < 0.91:
            push(copy, moment, "OC"[pick(2)], link, client, PROGRAMS[pick(len(PROGRAMS))])
        elif choice < 0.92:
            push(copy, moment, "OC"[pick(2)], link, f"90.{pick(256)}.1.1", CUBOT if chance() < 0.7 else GMAIL_AHEAD)
        elif choice < 0.94:
            push(copy, moment, "OC"[pick(2)], link, client, agent, PURPOSES[pick(len(PURPOSES))])
        elif choice < 0.95:
            push(copy, moment, "OC"[pick(2)], link, client, agent, "", "H" if chance() < 0.9 else "HP")
        elif choice < 0.97:
            for _ in range(pick(1, 4)):
                push(copy, moment, "OC"[pick(2)], link, client, agent, "", "P")
                moment += pick(2 * HOUR)
        elif choice < 0.98:   # of a mail that is never heard of
            push(-1 - pick(len(self.unknown)), moment, "OC"[pick(2)], link,
                 f"90.{pick(256)}.{pick(256)}.{pick(256)}", BROWSERS[0] if chance() < 0.9 else "curl/8.5.0")
        else:
            push(copy, moment, "O", None, client, "")

    def repeat(self, copy, moment, link, client, agent):
        """The same link again: within the hour, around its end, and in chains where the last counted one matters."""
        gaps = ((5 * MINUTE,), (59 * MINUTE + 58 * SECOND,), (60 * MINUTE + 2 * SECOND,), (40 * MINUTE,) * 3,
                (2 * SECOND, 70 * MINUTE, 10 * MINUTE), (25 * HOUR,))[self.random.randrange(6)]
        self.push(copy, moment, "C", link, client, agent)
        # A neighbour in the same cut network with another browser of the same family is somebody else where all is kept.
        neighbour = self.random.random() < 0.3 and "." in client
        for gap in gaps:
            moment += gap
            if neighbour:
                client = f"{client.rpartition('.')[0]}.{self.random.randrange(256)}"
                agent = BROWSERS[(BROWSERS.index(agent) ^ 1) % 2] if BROWSERS.index(agent) < 2 else agent
            self.push(copy, moment, "C", link, client, agent)

    def burst(self, copy, moment, links):
        """Several links at once: enough, too few, too slow, or just in time."""
        pick = self.random.randrange
        client, agent = f"100.{pick(64, 128)}.{pick(256)}.{pick(256)}", BROWSERS[pick(len(BROWSERS))]
        moment &= ~1
        shape = pick(6)
        if shape == 0:
            steps = [(index * 300, index) for index in range(pick(3, links + 1))]
        elif shape == 1:
            steps = [(0, 0), (2_000, 1), (5_000, 2)]
        elif shape == 2:
            steps = [(0, 0), (2_000, 1), (5_002, 2)]
        elif shape == 3:
            steps = [(0, 0), (500, 1), (900, 0), (1_500, 1)]
        elif shape == 4:   # the first click is outside of each window that has enough
            steps = [(0, 0), (1_000, 0), (3_000, 1), (5_600, 2), (8_200, 2), (60_000, 1)]
        else:              # the cut network is one source, the whole addresses are three
            for index in range(3):
                self.push(copy, moment + index * 800, "C", index, f"{client.rpartition('.')[0]}.{index}", agent)
            return
        flags = "P" if pick(12) == 0 else ""
        for offset, link in steps:
            self.push(copy, moment + offset, "C", link, client, agent, "", flags)

    # MARK: Journals

    def hexadecimal(self, copy):
        return self.unknown[-1 - copy] if copy < 0 else self.mails[self.copies[copy].mail].hexadecimal

    def line(self, kind, index):
        """An event as a journal has it, without checksum and line end."""
        if kind == "M":
            mail = self.mails[index]
            fields = [mail.number, "M", mail.hexadecimal, mail.time, f"Q{index:012d}", mail.tag,
                      "shop.example", mail.untracked, mail.privacy, mail.subject]
            fields += mail.recipients if mail.privacy != "anonymous" else []
        elif kind == "D":
            delivery = self.deliveries[index]
            fields = [delivery.number, "D", self.hexadecimal(delivery.copy), delivery.time,
                      self.copies[delivery.copy].number, delivery.status, "default",
                      "250 2.0.0 Ok" if delivery.status == "sent" else "450 4.2.1 later", delivery.passed,
                      int(delivery.is_tracked), " ".join(f"{name}={count}" for name, count in sorted(delivery.links.items()))]
        else:
            hit = self.hits[index]
            number = self.copies[hit.copy].number if hit.copy >= 0 else 0
            is_click = hit.kind == "C"
            fields = [hit.number, hit.kind, self.hexadecimal(hit.copy), hit.time, number, hit.link if is_click else "",
                      self.url(hit) if is_click else "", hit.client, hit.agent, hit.purpose, hit.flags]
        return "\x1f".join(map(str, fields)).encode()

    def url(self, hit):
        if hit.copy < 0:
            return f"https://www.elsewhere.example/{hit.link}"
        copy = self.copies[hit.copy]
        return url_of(copy.mail, self.mails[copy.mail], copy.number, hit.link)

    def write(self, folder):
        """Three journals: the first two in the order of time, the third handed over later with older events in it, among
        them mails whose hits are in the others. Some lines stand twice in a file, some in two files."""
        events = {False: [], True: []}
        for index, mail in enumerate(self.mails):
            events[mail.is_late].append((mail.time, "M", index))
        for index, delivery in enumerate(self.deliveries):
            events[self.mails[self.copies[delivery.copy].mail].is_late].append((delivery.time, "D", index))
        for index, hit in enumerate(self.hits):
            events[hit.is_late].append((hit.time, "H", index))
        order = sorted(events[False])
        middle = len(order) * 6 // 10
        again, files = [], []
        for name, part in (("a", order[:middle]), ("b", order[middle:]), ("late", sorted(events[True]))):
            path = folder / f"{name}.journal"
            with open(path, "wb", buffering=1 << 20) as file:
                before, again = again, []
                for _, kind, index in part:
                    line = self.line(kind, index)
                    sealed = xxhash.xxh64_hexdigest(line).encode() + line + b"\n"
                    file.write(sealed)
                    chance = self.random.random()
                    if chance < 0.002:
                        file.write(sealed)
                    elif chance < 0.004:
                        again.append(sealed)
                    elif chance < 0.006 and before:
                        file.write(before.pop())
            files.append(path)
        return files


# MARK: The oracle

def glob(pattern):
    """`*` any octets, `?` one, no ASCII case, the whole text."""
    words = b"".join({42: b".*", 63: b"."}.get(octet, re.escape(bytes([octet]))) for octet in pattern.encode())
    return re.compile(words, re.DOTALL | re.IGNORECASE).fullmatch


def milliseconds(text):
    amount, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text).groups()
    return int(amount) * {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}[unit]


class Rules:
    """hit-classes.conf: the first line that fits. Which line fits a part of a hit is remembered per text."""

    NEVER = 1 << 30

    def __init__(self, text):
        self.classes, self.globs, self.networks, self.no_agent, self.head = [], {"purpose": [], "agent": []}, [], [], []
        self.after, self.burst = None, None
        for row in text.splitlines():
            if not row.strip() or row.startswith("#"):
                continue
            name, condition, *value = row.strip().split(None, 2)
            place = len(self.classes)
            self.classes.append(name)
            if condition in self.globs:
                self.globs[condition].append((place, glob(value[0])))
            elif condition == "network":
                self.networks.append((place, ipaddress.ip_network(value[0])))
            elif condition == "no-agent":
                self.no_agent.append(place)
            elif condition == "method" and value == ["HEAD"]:
                self.head.append(place)
            elif condition == "after-250":
                self.after = milliseconds(value[0])
            elif condition == "burst":
                count, span = value[0].split()
                self.burst = int(count), milliseconds(span)
            else:
                sys.exit(f"FAILED: this oracle does not know the rule: {row}")
        self.known = {}

    def by_text(self, condition, text):
        key = condition, text
        if key not in self.known:
            places = [place for place, fits in self.globs[condition] if fits(text.encode())]
            if condition == "agent" and not text:
                places += self.no_agent
            self.known[key] = min(places, default=self.NEVER)
        return self.known[key]

    def by_network(self, text):
        """The line for an address, or for a cut one as a whole."""
        if text not in self.known:
            network = ipaddress.ip_network(text)
            self.known[text] = min((place for place, listed in self.networks if listed.version == network.version
                                    and network.subnet_of(listed)), default=self.NEVER)
        return self.known[text]

    def by_head(self, flags):
        return self.head[0] if "H" in flags and self.head else self.NEVER


FAMILIES = ("Thunderbird", "Outlook", "GoogleImageProxy", "YahooMailProxy", "Edg", "OPR", "Firefox", "Chrome", "Safari",
            "curl", "Wget")
cuts, families = {}, {}


def cut(client):
    """What pseudonymous mail keeps of an address."""
    if client not in cuts:
        address = ipaddress.ip_address(client)
        cuts[client] = str(ipaddress.ip_network(f"{client}/{24 if address.version == 4 else 48}", strict=False))
    return cuts[client]


def family(agent):
    """What it keeps of a user agent."""
    if agent not in families:
        families[agent] = next((name for name in FAMILIES if name in agent), re.split("[/ ]", agent)[0][:24])
    return families[agent]


def caught_in_bursts(clicks, count, span):
    """Positions of the clicks, given as (time, link, position) by time, that lie in any span with so many links."""
    caught, links, start = set(), collections.Counter(), 0
    for end, (moment, link, _) in enumerate(clicks):
        links[link] += 1
        while clicks[start][0] < moment - span:
            links[clicks[start][1]] -= 1
            if not links[clicks[start][1]]:
                del links[clicks[start][1]]
            start += 1
        if len(links) >= count:
            caught.update(position for _, _, position in clicks[start:end + 1])
    return caught


class Recount:
    """All figures of a world by the definitions."""

    def __init__(self, world, rules, given=None, unknown_tag=UNKNOWN_MAIL_TAG):
        self.world, self.rules, self.given, self.unknown_tag = world, rules, given, unknown_tag
        self.quarters = collections.defaultdict(collections.Counter)   # (tag, quarter): figures
        self.classes = {}           # number of a hit: its class
        self.verdicts = {}          # number of a hit: its class by the lines, and whether the agent decided
        self.links = {name: collections.defaultdict(lambda: [0, 0]) for name in ("page", "link", "copy")}
        self.reasons = {name: collections.Counter() for name in ("every", "sent")}
        self.opened, self.inferred, self.clicked = {}, set(), {}
        self.unknown_hits = collections.Counter()
        self.pages_seen = collections.defaultdict(set)
        self.days_known = {}
        self.on_the_hour = 0
        self.judge()
        self.count_hits()
        self.count_mails()

    def bump(self, tag, moment, figure, count=1):
        self.quarters[tag, moment // QUARTER][figure] += count

    def day(self, moment):
        quarter = moment // QUARTER
        if quarter not in self.days_known:
            self.days_known[quarter] = day_of(moment)
        return self.days_known[quarter]

    def kept(self, hit):
        """Client and agent as they are kept, or nothing where no copy is known by the hit."""
        if hit.copy < 0 or "P" in hit.flags:
            return None
        privacy = self.world.mails[self.world.copies[hit.copy].mail].privacy
        if privacy == "anonymous":
            return None
        return (hit.client, hit.agent) if privacy == "full" else (cut(hit.client), family(hit.agent))

    def judge(self):
        """The first line that fits each hit. `given` are the verdicts at the hits where the rules have changed since."""
        rules, copies, mails, verdicts, given = (
            self.rules, self.world.copies, self.world.mails, self.verdicts, self.given)
        for hit in self.world.hits:
            place = min(rules.by_head(hit.flags), rules.by_text("purpose", hit.purpose))
            by_agent = rules.by_text("agent", hit.agent)
            if given is not None:
                privacy = "" if hit.copy < 0 else mails[copies[hit.copy].mail].privacy
                # Nothing is kept that could be judged, or what decided is gone.
                if privacy not in ("full", "pseudonymous") or "P" in hit.flags or (
                        privacy == "pseudonymous" and given[hit.number][1]):
                    verdicts[hit.number] = given[hit.number]
                    continue
                if privacy == "pseudonymous":
                    place = min(place, rules.by_network(cut(hit.client)))
                    verdicts[hit.number] = (rules.classes[place] if place < rules.NEVER else "human", False)
                    continue
            place = min(place, by_agent, rules.by_network(hit.client))
            verdicts[hit.number] = (rules.classes[place] if place < rules.NEVER else "human",
                                    place == by_agent and place < rules.NEVER)

    def count_hits(self):
        by_copy = collections.defaultdict(list)
        for hit in self.world.hits:
            by_copy[hit.copy].append(hit)
        for copy, hits in by_copy.items():
            hits.sort()
            known = copy >= 0
            tag = (self.world.mails[self.world.copies[copy].mail].tag or "-") if known else self.unknown_tag
            classes = self.time_rules(copy, hits) if known else [self.verdicts[hit.number][0] for hit in hits]
            for hit, name in zip(hits, classes):
                self.classes[hit.number] = name
                if tag is not None:
                    self.bump(tag, hit.time, name)
                if not known:
                    self.unknown_hits[self.day(hit.time)] += 1
                if hit.kind == "C" and known:
                    page = re.split("[?#]", self.world.url(hit))[0]
                    self.pages_seen[tag, self.day(hit.time)].add(page)
            if tag is not None:
                self.count_people(copy, tag, [hit for hit, name in zip(hits, classes) if name in ("human", "proxy")])

    def time_rules(self, copy, hits):
        """Classes of a copy's hits; a hit that is not kept as one of this copy is judged by the lines alone."""
        delivered = self.world.copies[copy].delivered
        sources = [self.kept(hit) for hit in hits]
        classes = [self.verdicts[hit.number][0] for hit in hits]
        clicks = collections.defaultdict(list)
        for position, (hit, source) in enumerate(zip(hits, sources)):
            if source is not None and classes[position] == "human":
                if hit.kind == "C":
                    clicks[source].append((hit.time, hit.link, position))
                if self.rules.after is not None and delivered is not None and hit.time < delivered + self.rules.after:
                    classes[position] = "scanner"
        if self.rules.burst:
            for group in clicks.values():
                if len(group) >= self.rules.burst[0]:
                    for position in caught_in_bursts(group, *self.rules.burst):
                        classes[position] = "scanner"
        return classes

    def count_people(self, copy, tag, hits):
        """Opens and clicks of the hits that are no machine's, by time."""
        opened, clicked, counted, on_page, on_link = None, None, {}, set(), set()
        for hit in hits:
            source = self.kept(hit)
            if hit.kind == "O":
                self.bump(tag, hit.time, "opens")
                if source is not None and opened is None:
                    opened = hit.time
                    self.bump(tag, hit.time, "uniqueOpens")
                continue
            if source is not None:
                last = counted.get((hit.link, source))
                if last is not None:
                    self.on_the_hour += hit.time - last == CLICK_WINDOW
                    if hit.time - last < CLICK_WINDOW:
                        continue
                counted[hit.link, source] = hit.time
            self.bump(tag, hit.time, "clicks")
            page = re.split("[?#]", self.world.url(hit))[0]
            rows = [self.links[name][tag, self.day(hit.time), page] for name in ("page", "link", "copy")]
            for row in rows:
                row[0] += 1
            if source is None:
                continue
            rows[0][1] += page not in on_page
            rows[1][1] += hit.link not in on_link
            rows[2][1] += clicked is None
            on_page.add(page)
            on_link.add(hit.link)
            if clicked is None:
                clicked = hit.time
                self.bump(tag, hit.time, "uniqueClicks")
                if opened is None:
                    opened = hit.time
                    self.inferred.add(copy)
                    self.bump(tag, hit.time, "uniqueOpens")
                    self.bump(tag, hit.time, "inferredOpens")
        if opened is not None:
            self.opened[copy] = opened
        if clicked is not None:
            self.clicked[copy] = clicked

    def count_mails(self):
        world, delivered = self.world, set()
        for mail in world.mails:
            self.bump(mail.tag or "-", mail.time, "accepted")
            if mail.untracked:
                for table in self.reasons.values():
                    table[mail.tag or "-", self.day(mail.time), mail.untracked] += 1
            else:
                self.bump(mail.tag or "-", mail.time, "tracked")
        figures = {"sent": "sent", "deferred": "deferred", "uncertain": "deferred", "bounced": "failed",
                   "expired": "failed"}
        for delivery in sorted(world.deliveries, key=lambda delivery: delivery.time):
            tag = world.mails[world.copies[delivery.copy].mail].tag or "-"
            self.bump(tag, delivery.time, figures[delivery.status])
            for name, table in self.reasons.items():
                if name == "every" or delivery.status == "sent":
                    if delivery.passed:
                        table[tag, self.day(delivery.time), delivery.passed] += 1
                    for reason, count in delivery.links.items():
                        table[tag, self.day(delivery.time), reason] += count
            if delivery.status == "sent" and delivery.is_tracked and delivery.copy not in delivered:
                delivered.add(delivery.copy)
                self.bump(tag, delivery.time, "copies")
                if delivery.copy in self.opened:
                    self.bump(tag, delivery.time, "copiesOpened")
                if delivery.copy in self.clicked:
                    self.bump(tag, delivery.time, "copiesClicked")

    def steps(self, step_of, tag=None, since=0):
        """{(step, figure): count} of a tag or of all, a step being what `step_of` makes of a time."""
        result, known = collections.Counter(), {}
        for (name, quarter), figures in self.quarters.items():
            if (tag is None or name == tag) and quarter * QUARTER >= since:
                if quarter not in known:
                    known[quarter] = step_of(quarter * QUARTER)
                for figure, count in figures.items():
                    result[known[quarter], figure] += count
        return result


# MARK: The comparison

def compare(words, expected, found, explain=lambda key: "", others=None):
    """Fails with the first differences; zeros and missing values are one. `others`: what other readings would give."""
    def differing(wanted):
        return [key for key in wanted.keys() | found.keys() if (wanted.get(key) or 0) != (found.get(key) or 0)]
    wrong = differing(expected)
    if not wrong:
        check(True, f"{words}: {len(expected)} values")
        return
    for key in sorted(wrong, key=str)[:8]:
        print(f"  {key}: {found.get(key)}, should be {expected.get(key)} {explain(key)}")
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
    """Whether the rates of some figures are those of their copies."""
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
            answer = console.json("/api/v1/stats", tag=tag, granularity=granularity, **{"from": first, "to": world.today})
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
    lines = [f"  copy {mail.hexadecimal}/{copy.number} tag={mail.tag} privacy={mail.privacy} late={mail.is_late} accepted="
             f"{clock(mail.time)} delivered={copy.delivered and clock(copy.delivered)}"]
    for other in sorted(other for other in world.hits if other.copy == hit.copy):
        expected, found = recount.classes[other.number], stored.get(other.number, ("missing",))
        mark = "  " if found[0] == expected else "!!"
        lines.append(f"   {mark} {other.time - (copy.delivered or mail.time):+d} ms {other.kind}{other.link} from={other.client}"
                     f" kept={recount.kept(other)} agent={other.agent[-40:]!r} purpose={other.purpose!r} flags={other.flags!r}"
                     f" late={other.is_late} number={other.number}: {found}, should be {expected}"
                     f" (by lines {recount.verdicts[other.number][0]})")
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
        pairs = collections.Counter((stored.get(hit.number, ("missing",))[0], recount.classes[hit.number]) for hit in wrong)
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
            sys.exit(f"FAILED: copies of {mail.hexadecimal}: (address, delivered, opened, inferred, clicked) are {found}, "
                     f"should be {expected}")
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
        answer = json.loads(result.stdout)
        total = answer.get("total", answer)
        compare(f"report, {tag or 'all tags'}", {name: totals[tag][name] for name in FIGURES},
                {name: total.get(name) for name in FIGURES})


def time_pages(console, recount):
    """The console with the data in it: 15 requests a page after one to warm up."""
    limit = 100 if "TRACERELAY" in os.environ else 400   # what is built here is a debug build
    world = recount.world
    span = f"from={world.days[0]}&to={world.today}"
    counts = collections.Counter(world.copies[hit.copy].mail for hit in world.hits if hit.copy >= 0)
    busiest, (usual, _) = counts.most_common(1)[0][0], counts.most_common()[len(counts) // 2]
    pages = ["/", *(f"/tags/{tag}?{span}" for tag in (*TAGS, "-")), "/messages",
             "/messages?recipient=everybody%40customer.example", f"/messages?tag={TAGS[1]}",
             f"/messages/{world.mails[usual].hexadecimal}", f"/messages/{world.mails[busiest].hexadecimal}",
             "/feed", "/queue", "/health", f"/api/v1/stats?{span}&granularity=day",
             f"/api/v1/stats?{span}&granularity=day&tag={TAGS[2]}",
             f"/api/v1/stats?from={world.days[-2]}&to={world.today}&granularity=hour", "/api/v1/tags", "/api/v1/messages",
             "/api/v1/messages?recipient=everybody%40customer.example", f"/api/v1/messages/{world.mails[usual].hexadecimal}",
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


def memory(process, field):
    status = open(f"/proc/{process.pid}/status").read()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


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

    def start(self, environment=None):
        if self.is_configured:
            super().start(environment)
        self.is_configured = True


def import_files(site, files):
    return run_measured([COMMAND, "events", "import", *files, "--config", site.config])


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
    seconds, peak, said = import_files(site, files)
    print(f"  {said}")
    check(True, f"{lines} lines imported in {seconds:.1f} s, {lines / seconds:,.0f} a second, memory at most {peak:.0f} MiB")
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
    check(expected.on_the_hour == 0, "no click is exactly an hour after another: the definition is silent there")
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
    peak = memory(site.process, "VmHWM")
    change_rules(site, config, None)
    compare_all(site, expected, "shipped rules again")
    sizes(site)
    print(f"  memory of the service at most {max(peak, memory(site.process, 'VmHWM')):.0f} MiB")
    site.stop()


if __name__ == "__main__":
    end_summer_time(days_ago=12)
    main()
