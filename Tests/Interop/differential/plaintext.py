"""URLs in text/plain parts (section 4 of the contract: `text-links`), and what becomes of them."""

import re

from structure import expect

# RFC 3986's characters and those that writers put into URLs unquoted; none of them outside ASCII.
URL = re.compile(r"(?<![A-Za-z0-9])https?://[!#-;=?-\[\]_a-z{|}~]+", re.I | re.A)
PUNCTUATION = ".,;:!?'*_"


class Link:
    element, attributes, label = "text", {}, None

    def __init__(self, start, url):
        self.start, self.url = start, url


def links(text):
    return [Link(found.start(), url) for found in URL.finditer(text) if (url := trimmed(found[0]))]


def trimmed(url):
    """Without the sentence's punctuation and brackets that were opened in front of it; None where no host is left."""
    while url:
        opening = {")": "(", "]": "["}.get(url[-1])
        is_unbalanced = opening and url.count(url[-1]) > url.count(opening)
        if url[-1] not in PUNCTUATION and not is_unbalanced:
            break
        url = url[:-1]
    return url if re.match(r"https?://.", url, re.I | re.S) else None


def compare(inventory, text, report, tracked, check):
    """Walks both texts at once: only the reported links differ; `check` is asked about each token and its URL."""
    old_place = new_place = 0
    for link, said in zip(inventory, report["links"]):
        gap = text.old[old_place:link.start]
        expect(text.new.startswith(gap, new_place), "plain text outside the links changed", gap,
               text.new[new_place:new_place + len(gap)])
        new_place += len(gap)
        old_place = link.start + len(link.url)
        if "reason" in said:
            expect(text.new.startswith(link.url, new_place), "a plain link that was left alone", link.url,
                   text.new[new_place:new_place + len(link.url)])
            new_place += len(link.url)
            continue
        found = tracked.match(text.new, new_place)
        expect(found, "no tracked link in plain text", link.url, text.new[new_place:new_place + 200])
        if found[1][-1] in "-_" and text.new.startswith("?x", found.end()):
            # Mail clients leave these out at a URL's end, so the relay puts something behind them.
            check(found[1], link.url)
            new_place = found.end() + 2
            continue
        # Underscores behind the URL are of the token's alphabet.
        behind = len(re.match(r"[A-Za-z0-9_-]*", text.old[old_place:])[0])
        check(found[1][:len(found[1]) - behind], link.url)
        new_place = found.end() - behind
    expect(text.old[old_place:] == text.new[new_place:], "plain text behind the links changed", text.old[old_place:],
           text.new[new_place:])
