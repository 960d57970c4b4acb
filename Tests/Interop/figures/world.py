"""Mails, deliveries and hits as they happen, and journals that tell of them."""

import collections
import datetime
import random

import xxhash

from moments import DAY, HOUR, MINUTE, SECOND, start_of

DAYS = 30
TAGS = ("Test", "newsletter", "shop_orders", "password-reset", "Alerts2")
SALE = "shop_orders"   # on one day its readers go to more pages than are told apart
SALE_LINKS = range(6, 12)
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
CUBOT = ("Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
         "Mobile Safari/537.36")
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
GMAIL_AHEAD = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
               "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0")
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
PROGRAMS = [
    "", "", "curl/8.5.0", "Wget/1.21.4", "python-requests/2.32.3", "Go-http-client/2.0", "okhttp/4.12.0",
    "Barracuda Sentinel (EE)", "WhatsApp/2.24.20 A", "facebookexternalhit/1.1", "Mozilla/5.0 (compatible; bingbot/2.0)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "SomeCRAWLER/1", "GOOGLEBOT",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
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
        pages = 4_000 if link in SALE_LINKS else 600
        return f"https://shop.example/item/{(mail_number * 10 + link) % pages}?u={mail_number}.{recipient}"
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
        mail = Mail(
            self.next_number(), f"{self.random.getrandbits(80):020x}", moment, tag, untracked, privacy, recipients,
            SUBJECTS[number % len(SUBJECTS)].format(number), SALE_LINKS.stop if tag == SALE else pick(3, 9),
            chance() < 0.03)
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
                    if not self.mails[copy.mail].untracked and chance() < (0.6 if copy.delivered else 0.1)]
        self.random.shuffle(eligible)
        self.sale_day(wanted // 30, eligible)
        count = len(eligible)
        while len(self.hits) < wanted:
            # Some mails are read much more than others.
            self.visit(eligible[int(count * chance() ** 1.5)])

    def push(self, copy, moment, kind, link, client, agent, purpose="", flags=""):
        """A hit, unless it is still to come."""
        moment, link = (moment | 1, None) if kind == "O" else (moment & ~1, link)
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
            self.push(copy, begin + int(self.random.random() * 20 * HOUR), "C",
                      self.random.choice(SALE_LINKS), *self.home(copy))

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
        links = min(mail.links, SALE_LINKS[0])
        link, choice = pick(links), chance()
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
                push(copy, moment + 7 * SECOND, "C", (link + 1) % links, client, agent)
        elif choice < 0.76:
            self.repeat(copy, moment, link, client, agent)
        elif choice < 0.80:
            self.burst(copy, moment, links)
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
        # A neighbour in the same cut network with another version of the browser: somebody else where all is kept.
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
            links = " ".join(f"{name}={count}" for name, count in sorted(delivery.links.items()))
            fields = [delivery.number, "D", self.hexadecimal(delivery.copy), delivery.time,
                      self.copies[delivery.copy].number, delivery.status, "default",
                      "250 2.0.0 Ok" if delivery.status == "sent" else "450 4.2.1 later", delivery.passed,
                      int(delivery.is_tracked), links]
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
        """Three journals: the first two in the order of time, the third handed over later with older events in it,
        among them mails whose hits are in the others. Some lines stand twice in a file, some in two files."""
        events = {False: [], True: []}
        for index, mail in enumerate(self.mails):
            events[mail.is_late].append((mail.time, "M", index))
        for index, delivery in enumerate(self.deliveries):
            events[self.mails[self.copies[delivery.copy].mail].is_late].append((delivery.time, "D", index))
        for index, hit in enumerate(self.hits):
            # Before its mail is known a hit is kept as the default policy says: what "full" would keep is gone for good.
            mail = self.mails[self.copies[hit.copy].mail] if hit.copy >= 0 else None
            is_held_back = mail is not None and mail.is_late and mail.privacy == "full"
            events[hit.is_late or is_held_back].append((hit.time, "H", index))
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
