"""Why a link is to be left alone: section 4 of the contract, written a second time."""

import ipaddress
import re

TRACKING_HOST = "track.example.test"
EXCLUDED = ".excluded.example"
LONGEST = 2_000
LOCAL = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa")
PRIVATE = [ipaddress.ip_network(n) for n in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10")]
ANY = object()


def tracked_length(target):
    """Octets of the tracked URL: version, key, message, numbers, target, code in base64url behind the base URL. The
    relay reckons with four octets for each number, so up to six of them are a matter of taste."""
    def length(numbers):
        return len("https://track.example.test/c/") + ((2 + 10 + numbers + len(target) + 16) * 4 + 2) // 3
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
    host = re.match(r"\[[^\]]*\]|[^:\[]*", host)[0]
    return (None, host) if host else ("no-host", None)


def privacy(host):
    """True, False, or ANY where neither is sure (odd numbers, percent signs, empty labels, reserved networks)."""
    name = host.removesuffix(".")
    try:
        address = ipaddress.ip_address(name.strip("[]"))
        if any(address in network for network in PRIVATE if network.version == address.version):
            return True
        return False if address.is_global else ANY
    except ValueError:
        pass
    if not re.fullmatch(r"[^\x00-\x20%\[\]<>^|`{}\x7f]+", name) or ".." in name or name[0] == ".":
        return ANY
    if re.search(r"(^|\.)(0x[0-9a-f]*|[0-9]+)$", name):
        return ANY
    if "." not in name:
        return True
    return any(name.endswith("." + suffix) for suffix in LOCAL)


def has_template(url):
    return re.search(r"\{\{.*\}\}|%%.*%%|\*\|.*\|\*|%7B%7B.*%7D%7D", url, re.S) is not None


def reasons(link, clicks, unsubscribe):
    """All reasons that hold, `None` among them where it may be tracked."""
    found = set()
    if marked := marker(link.attributes):
        return {marked}
    form, host = shape(link.url)
    if form:
        return {form}
    if not clicks:
        return {"clicks-off"}
    if has_template(link.url):
        found.add("template-marker")
    if host == TRACKING_HOST:
        found.add("already-tracked")
    is_private = privacy(host)
    if is_private is ANY:
        found |= {"private-host", None}
    elif is_private:
        found.add("private-host")
    if host.endswith(EXCLUDED):
        found.add("excluded")
    if link.url in unsubscribe:
        found.add("list-unsubscribe")
    shortest, longest = tracked_length(link.url.encode("utf-8", "surrogatepass"))
    if longest > LONGEST:
        found.add("too-long")
    if not found - {"too-long"} and shortest <= LONGEST:
        found.add(None)
    return found


def unsubscribe_urls(root):
    """RFC 2369 section 2: URLs in angle brackets."""
    urls = set()
    for field in root.fields:
        if field.name == b"list-unsubscribe":
            for url in re.findall(rb"<([^<>]*)>", field.value):
                urls.add(re.sub(rb"[\x00-\x20]", b"", url).decode("utf-8", "replace"))
    return urls
