"""Why a link is to be left alone: section 4 of the contract, written a second time."""

import ipaddress
import re
import unicodedata
import urllib.parse

import ada_url
import charsets
from policies import BASE

TRACKING_HOST = "track.example.test"
LONGEST = 2_000
LOCAL = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa")
PRIVATE = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8",
                                             "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")]
ANY = object()
# What IDNA maps to other letters, digits or dots.
ODD_IN_HOSTS = re.compile(
    "[\xaa\xb2\xb3\xb9\xba\u02b0-\u02b8\u02e0-\u02e4\u1d2c-\u1d6a\u1d9b-\u1dbf\u2017\u2024-\u2026\u203c-\u203e"
    "\u2047-\u2049\u2070-\u209f\u2100-\u218f\u2460-\u24ff\u2a74-\u2a76\u3200-\u33ff\ufe00-\ufe1f\ufe30-\ufe6f"
    "\U0001d400-\U0001d7ff]")


class Text:
    """How a part's text was read: its encoding, `None` where nobody knows it, and whether it stays in it."""

    def __init__(self, old, new, encoding, in_place=False):
        self.old, self.new, self.encoding, self.in_place = old, new, encoding, in_place
        self.keeps_label = in_place

    def requests(self, url, utm):
        """What a browser would request, campaign included; empty where the URL's octets cannot be decoded."""
        if self.in_place and re.search(r"[\udc00-\udcff]", url):
            return set()
        return {with_campaign(charsets.requested_url(url, self.encoding), utm)}

    def targets(self, url, utm):
        """What a tracked link may lead to, in canonical form."""
        return {charsets.canonical(each) for each in self.requests(url, utm)}


def with_campaign(url, utm):
    """Parameters that the query does not name yet, in front of the fragment."""
    front, query, rest = charsets.split_url(url)
    names = {pair.partition("=")[0] for pair in query.split("&")}
    added = "&".join(f"{urllib.parse.quote(name, safe='')}={urllib.parse.quote(value, safe='')}"
                     for name, value in utm if name not in names)
    if not added:
        return url
    front = front if front.endswith("?") else front + "?"
    return front + query + ("&" if query else "") + added + rest


def tracked_length(target):
    """Octets of the tracked URL: version, key, message, numbers, target, code in base64url behind the base URL. The
    relay reckons with four octets for each number, so up to six of them are a matter of taste."""
    def length(numbers):
        return len(f"{BASE}/c/") + ((2 + 10 + numbers + len(target) + 16) * 4 + 2) // 3
    return length(2), length(8)


def marker(attributes):
    lowered = {name: value.lower() for name, value in attributes.items()}
    if "data-alidm-traceoff" in lowered:
        return "trace-off"
    if {"ses:no-track", "data-pm-no-track", "mc:disable-tracking"} & set(lowered) or (
            lowered.get("clicktracking") == "off" or lowered.get("disable-tracking") == "true"
            or lowered.get("data-msys-clicktrack") == "0"):
        return "other-marker"
    return None


def shape(url):
    """The reason that lies in the URL's form, and its host where there is one."""
    if not url:
        return "empty", None
    if url[0] == "#":
        return "fragment", None
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", url)
    if not scheme:
        return "relative", None
    if scheme[1].lower() not in ("http", "https"):
        return "other-scheme", None
    rest = url[scheme.end():]
    authority = re.match(r"[/\\]{2,}([^/\\?#]*)", rest)
    if not authority:
        return "no-host", None
    host = authority[1].rpartition("@")[2].lower()
    if host.startswith(":") or not host:
        return "no-host", None
    try:
        # Only the host: what stands in the path is none of this function's business.
        return None, ada_url.URL(f"http://{host}/").hostname
    except ValueError:
        return "invalid-host", None


def privacy(host):
    """True, False, or ANY where neither is sure (empty labels, reserved networks)."""
    name = host.removesuffix(".")
    try:
        address = ipaddress.ip_address(name.strip("[]"))
        if address.version == 6:
            address = address.ipv4_mapped or address.sixtofour or address
        if any(address in network for network in PRIVATE if network.version == address.version):
            return True
        return False if address.is_global else ANY
    except ValueError:
        pass
    if ".." in name or name[0] == ".":
        return ANY
    if "." not in name:
        return True
    return any(name.endswith("." + suffix) for suffix in LOCAL)


# A name between the marks, for addresses hold such characters too.
NAME = r" *[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_ .\-|:()!?@%\x80-\U0010ffff]*"
TEMPLATE = re.compile(
    r"\{\{.*\}\}|%%.*%%|\*\|.*\|\*|%7B%7B.*%7D%7D|<%.*%>|\{%.*%\}|%3C%(?:25)?.*%(?:25)?%3E|%7B%25.*%25%7D"
    rf"|\$!?\{{{NAME}\}}|\{{\${NAME}\}}|#\{{{NAME}\}}|\[\[{NAME}\]\]|%5B%5B{NAME}%5D%5D"
    rf"|(?:\$|%24|#)%7B{NAME}%7D|%7B(?:\$|%24){NAME}%7D", re.S | re.I)


def has_template(url):
    return TEMPLATE.search(url) is not None


def is_excluded(patterns, host, url):
    """Host globs, and URL globs where they hold a slash."""
    def fits(pattern, text):
        words = [{"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern]
        return re.fullmatch("".join(words), text, re.S | re.I | re.A) is not None
    # "example.com." and "example.com" are one.
    return any(fits(p, url) if "/" in p else fits(p, host.removesuffix(".")) for p in patterns)


def shows(label, url):
    """Whether the label is the address: True, False, or ANY where readers may differ on what is still the same."""
    def bare(text):
        return re.sub(r"\Ahttps?://", "", text.strip("".join(map(chr, range(0x21)))), flags=re.I).rstrip("/ ")

    def loose(text):
        return re.sub(r"[\W_]", "", urllib.parse.unquote(bare(text)).casefold())
    if label is None:
        return ANY
    if bare(label) == bare(url):
        return bare(label) != ""
    return ANY if loose(label) == loose(url) else False


def reasons(link, text, mail):
    """All reasons that hold, `None` among them where it may be tracked."""
    if marked := marker(link.attributes):
        return {marked}
    if link.url in mail.opted_out and link.element == "text":
        return {"trace-off"}
    form, host = shape(link.url)
    if form == "invalid-host":
        return {form, "template-marker"} if mail.clicks and has_template(link.url) else {form}
    if form:
        return {form}
    if not mail.clicks:
        return {"clicks-off"}
    certain, possible = reasons_of_url(link, host, mail)
    # Names that only a name server refuses, or that IDNA treats in ways a relay does not.
    written = re.match(r"[^:]*:[/\\]*([^/\\?#]*)", link.url)[1]
    if re.search(r"[^.]{64}|(^|\.)xn--(\.|$)", host) or ODD_IN_HOSTS.search(written) or any(
            unicodedata.category(char) in ("Cf", "Sk") for char in written):
        possible = possible | {"invalid-host"}
    if text.in_place and not link.url.isascii():
        # What is valid UTF-8 by chance is in a charset nobody knows.
        possible = possible | {"undecodable"}
    if link.element == "text" and not link.is_certain and not certain:
        return {"unclear-end"}
    if certain:
        return certain | possible
    if mail.policy.is_upstream:
        return possible | {"left-to-upstream"}
    return possible | reasons_of_target(text.requests(link.url, mail.policy.utm))


def reasons_of_url(link, host, mail):
    """The reasons that hold, and those that may."""
    answers = {
        "template-marker": has_template(link.url),
        "already-tracked": host.removesuffix(".") == TRACKING_HOST,
        "private-host": privacy(host),
        "excluded": is_excluded(mail.policy.exclude, host, link.url),
        "list-unsubscribe": link.url in mail.unsubscribe,
        "label-is-url": (mail.policy.label_is_url == "leave" and link.element == "a" and shows(link.label, link.url)),
    }
    return ({name for name, answer in answers.items() if answer is True},
            {name for name, answer in answers.items() if answer is ANY})


def reasons_of_target(requests):
    if not requests:
        return {"undecodable"}
    lengths = [tracked_length(request.encode("utf-8", "surrogatepass")) for request in requests]
    return ({"too-long"} if max(longest for _, longest in lengths) > LONGEST else set()) | (
        {None} if min(shortest for shortest, _ in lengths) <= LONGEST else set())


def unsubscribe_urls(root):
    """RFC 2369 section 2: URLs in angle brackets."""
    urls = set()
    for field in root.fields:
        if field.name == b"list-unsubscribe":
            for url in re.findall(rb"<([^<>]*)>", field.value):
                urls.add(re.sub(rb"[\x00-\x20]", b"", url).decode("utf-8", "replace"))
    return urls
