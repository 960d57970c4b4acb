"""URLs in text/plain parts (section 4 of the contract: `text-links`), and what becomes of them."""

import re
import unicodedata

from structure import expect

SCHEME = re.compile(r"(?<![A-Za-z0-9])https?://", re.I | re.A)
PUNCTUATION = ".,;:!?'*_"
# Scripts that put no blank between words, and their punctuation.
CJK_MARK = re.compile("[\u3000-\u3004\u3008-\u3020\u3030\u303d\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
                      "\ufe10-\ufe1f\ufe30-\ufe6f]")
CJK = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1100-\u11ff\u2e80-\u2fff\u3005-\ua4cf\ua960-\ua97f"
                 "\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U0001b000-\U0001b16f\U00020000-\U0003ffff]")


class Link:
    element, attributes, label = "text", {}, None

    def __init__(self, start, raw, url=None, is_certain=True):
        self.start, self.raw, self.is_certain = start, raw, is_certain
        self.url = raw if url is None else url


def kind(char):
    """part, end, mark (part only in front of a letter, and then not for all) or unclear."""
    if char < "\x80":
        return ("end" if char <= " " or char in '\x7f"<>' else "mark" if char == "`" else
                "unclear" if char in "\\^|" else "part")
    if CJK_MARK.match(char):
        return "end"
    if CJK.match(char):
        return "unclear"
    category = unicodedata.category(char)
    if category[0] in "LM" or category in ("Nd", "Nl"):
        return "unclear" if category == "Me" else "part"
    if category in ("Cc", "Cf") or category[0] == "Z":
        return "end"
    return "mark" if category[0] == "P" else "unclear"


def run(text, start):
    """Where a URL ends that goes on from `start`, and whether all programs agree."""
    certain, marks, place = True, None, start
    while place < len(text) and (said := kind(text[place])) != "end":
        if said == "mark":
            marks = place if marks is None else marks
        else:
            certain = certain and said == "part" and marks is None
            marks = None
        place += 1
    return (place if marks is None else marks), certain


def links(text, deletes_spaces=False):
    found, place, flows_into = [], 0, None
    while scheme := SCHEME.search(text, place):
        start, body = scheme.span()
        if link := bracketed(text, start, body):
            found.append(link)
            place = start + len(link.raw)
            continue
        end, certain = run(text, body)
        certain = certain and start != flows_into
        if deletes_spaces and (flow := re.compile(r" \r?\n[> ]*(?=.)", re.S).match(text, end)):
            certain, flows_into = False, flow.end()
        place = end
        if not certain:
            if end > body:
                found.append(Link(start, text[start:end], is_certain=False))
            continue
        if not (url := trimmed(text[start:end])):
            continue
        behind = text[start + len(url):end]
        emphasis = re.search("[*_]", behind) and not (start and text[start - 1] == behind[0])
        found.append(Link(start, text[start:end], is_certain=False) if emphasis else Link(start, url))
    return found


def bracketed(text, start, body):
    """RFC 3986, appendix C; None where no brackets stand around a whole URL."""
    if not re.search(r"<(?:URL:)?\Z", text[max(0, start - 5):start], re.I):
        return None
    inside = re.compile(r"[^<>]*").match(text, body)[0][:4_000]
    pieces = re.split(r"([\x00-\x20]+)", inside)
    for index, blank in enumerate(pieces[1::2]):
        if pieces[2 * index + 2][:4].lower() == "http" and blank.count("\n") == 1:
            return Link(start, text[start:body] + pieces[0], is_certain=False)
        if blank.count("\n") != 1:
            return Link(start, text[start:body] + pieces[0], is_certain=False) if index else None
    closed = text.startswith(">", body + len(inside))
    if not closed or not inside or inside[0] <= " " and len(pieces) == 1:
        return None
    url = "".join(pieces[::2])
    first = pieces[0] if len(pieces) > 1 else inside
    broken = len(pieces) > 1
    if not url:
        return None
    if broken and not pieces[-1]:
        return Link(start, text[start:body] + first, is_certain=False)
    if any(kind(char) in ("mark", "unclear") for char in url if char < "\x80") or any(
            kind(char) == "end" for char in url):
        return Link(start, text[start:body] + first, is_certain=False)
    whole = text[start:body] + url
    if not broken:
        whole = trimmed(whole)
        return whole and Link(start, whole)
    return Link(start, text[start:body] + inside, whole)


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
        old_place = link.start + len(link.raw)
        if "reason" in said:
            expect(text.new.startswith(link.raw, new_place), "a plain link that was left alone", link.raw,
                   text.new[new_place:new_place + len(link.raw)])
            new_place += len(link.raw)
            continue
        found = tracked.match(text.new, new_place)
        expect(found, "no tracked link in plain text", link.url, text.new[new_place:new_place + 200])
        if text.new.startswith("?x", found.end()) and not text.old.startswith("?x", old_place):
            # Mail clients leave - and _ out at a URL's end, and some take along what follows: something stands between.
            follows = text.old[old_place:old_place + 1]
            expect(found[1][-1] in "-_" or follows > " " and follows not in "<>\"'.,;:!?)]", "a needless ?x", follows)
            check(found[1], link.url)
            new_place = found.end() + 2
            continue
        # Underscores behind the URL are of the token's alphabet.
        behind = len(re.match(r"[A-Za-z0-9_-]*", text.old[old_place:])[0])
        check(found[1][:len(found[1]) - behind], link.url)
        new_place = found.end() - behind
    expect(text.old[old_place:] == text.new[new_place:], "plain text behind the links changed", text.old[old_place:],
           text.new[new_place:])
