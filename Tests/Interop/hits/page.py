"""A page as a browser reads it."""

import html.parser
import re
import sys



class Page(html.parser.HTMLParser):
    """A page as a browser reads it: what could do harm, its text, its forms and frames."""

    ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "data", "poster", "background", "srcset"}

    def __init__(self, content):
        super().__init__(convert_charrefs=True)
        self.harm, self.pieces, self.forms, self.frames, self.path = [], [], [], [], []
        self.feed(content)
        self.close()
        self.text = "".join(self.pieces)

    def handle_starttag(self, tag, attributes):
        self.path.append(tag)
        values = {name: value or "" for name, value in attributes}
        for name, value in values.items():
            bare = "".join(letter for letter in value if letter > " ").lower()
            if name.startswith("on") or name == "srcdoc" or not re.fullmatch("[a-z][a-z0-9:_-]*", name):
                self.harm.append(f"<{tag}> with attribute {name}={value!r}")
            if name in self.ADDRESSES and re.match("(javascript|vbscript|data):", bare):
                self.harm.append(f"<{tag}> with {name}={value!r}")
        own = values.get("src", "").startswith("/assets/")
        if tag in ("script", "img") and not own or tag in ("object", "embed", "base", "applet", "frame"):
            self.harm.append(self.get_starttag_text())
        if tag == "meta" and "http-equiv" in values:
            self.harm.append(self.get_starttag_text())
        if tag == "link" and not values.get("href", "").startswith("/assets/"):
            self.harm.append(self.get_starttag_text())
        if tag == "iframe":
            self.frames.append(values)
            if not values.get("src", "").startswith("/messages/") or values.get("sandbox") is None or any(
                    word in values["sandbox"] for word in ("scripts", "same-origin")):
                self.harm.append(self.get_starttag_text())
        if tag == "form":
            self.forms.append((values.get("action", ""), {}))
        if tag == "input" and self.forms:
            self.forms[-1][1][values.get("name", "")] = values

    def handle_data(self, data):
        if self.path and self.path[-1] == "script" and data.strip():
            self.harm.append(f"<script>{data}")
        self.pieces.append(data)

    def handle_endtag(self, tag):
        if tag in self.path:
            while self.path.pop() != tag:
                pass


def judge_the_judge():
    for evil in ("<script>alert(1)</script>", "<script src=//evil.test></script>", '<p title=""><img src=x>">',
                 "<p title='' onfocus=alert(1)>", '<p title=""\u0301 onmouseover=alert(1) x="">',
                 "<a href=' Java\tscript:1'>", "<svg/onload=alert(1)>", "<iframe src=/messages/1></iframe>",
                 "<base href=//evil.test>"):
        if not Page(f"<body>{evil}</body>").harm:
            sys.exit(f"FAILED: the judge of pages does not see {evil}")
    if Page('<script src="/assets/a.js" defer></script><p title="&lt;script&gt;&quot; onclick=1">&lt;img&gt;</p>').harm:
        sys.exit("FAILED: the judge of pages sees harm where there is none")
