"""The figures by their definitions.

It knows the definitions and the lines of hit-classes.conf, and nothing of how tracerelay counts: it sorts all hits of a
copy by time and looks at them once, with everything known.
"""

import collections
import ipaddress
import re
import sys

from moments import DAY, HOUR, MINUTE, QUARTER, SECOND, day_of

CLICK_WINDOW = HOUR
# Where the definitions leave room: what is expected here. Where another reading fits, a failure says so.
UNKNOWN_MAIL_TAG = "-"    # hits whose mail is not known count as those of mail without a tag
UNIQUE_ON_PAGE = "page"   # a unique click of a page: a copy's first on that page; "link": on that link; "copy": at all
REASONS_FROM = "sent"     # reasons count once, when the copy is delivered

FIGURES = (
    "accepted", "tracked", "sent", "deferred", "failed", "opens", "uniqueOpens", "inferredOpens", "clicks",
    "uniqueClicks", "copies", "copiesOpened", "copiesClicked", "human", "proxy", "privacy", "scanner", "prefetch",
    "head")


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

    def privacy(self, hit):
        """Of the hit's mail; a mail that is not known has the default."""
        return "pseudonymous" if hit.copy < 0 else self.world.mails[self.world.copies[hit.copy].mail].privacy

    def kept(self, hit):
        """Client and agent as they are kept, or nothing where no copy is known by the hit."""
        if "P" in hit.flags:
            return None
        privacy = self.privacy(hit)
        if privacy == "anonymous":
            return None
        return (hit.client, hit.agent) if privacy == "full" else (cut(hit.client), family(hit.agent))

    def judge(self):
        """The first line that fits each hit. `given`: the verdicts at the hits, where the rules have changed since."""
        rules, verdicts, given = self.rules, self.verdicts, self.given
        for hit in self.world.hits:
            place = min(rules.by_head(hit.flags), rules.by_text("purpose", hit.purpose))
            by_agent = rules.by_text("agent", hit.agent)
            if given is not None:
                privacy = self.privacy(hit)
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
                if hit.kind == "C":
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
                    self.bump(tag, hit.time, "opens")   # a click implies an open, in all of the figures
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
