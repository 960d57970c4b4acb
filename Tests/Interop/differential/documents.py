"""html5lib's view of a document, and what must be the same in two of them."""

import re
import unicodedata

import html5lib
from browserparser import BrowserParser
from html5lib.constants import namespaces, scopingElements, tokenTypes
from structure import expect

HTML = namespaces["html"]
START, END, COMMENT = tokenTypes["StartTag"], tokenTypes["EndTag"], tokenTypes["Comment"]
TEXT = {tokenTypes["Characters"], tokenTypes["SpaceCharacters"]}
# Start tags that make the tokenizer read raw text, or lead into foreign content.
SWITCHING = {"title", "textarea", "style", "xmp", "iframe", "noembed", "noframes", "script", "plaintext", "svg", "math"}
# What may stand in front of the pixel at the top.
METADATA = {"html", "head", "title", "meta", "style", "script", "link", "base", "basefont", "bgsound", "noscript",
            "noframes"}
CONDITIONAL = re.compile(r"\[if[^\]]*\]>", re.I)


# A label longer than this is not read to its end (and is no address).
LONGEST_LABEL = 3_000


class Link:
    def __init__(self, element, attributes, label=None):
        self.element, self.attributes, self.label = element, attributes, label
        self.url = requested(attributes["href"])


def requested(value):
    """What a browser would ask for (WHATWG URL, "basic URL parser", the first steps)."""
    return re.sub(r"[\t\n\r]", "", value.strip("".join(map(chr, range(0x21)))))


class Recorder(BrowserParser):
    """Keeps the tokens while tree construction drives the tokenizer; attributes are the first of each name, decoded."""

    def read(self, text):
        self.tokens, self.foreign, self.unsettled, self.ignores_ends = [], set(), False, False
        self.document = self.parse(text)
        return self

    def note(self, token, is_in_template):
        kind = token["type"]
        if kind == tokenTypes["ParseError"]:
            return
        if kind in TEXT:
            if self.tokens and self.tokens[-1][0] == "text":
                self.tokens[-1][1] += token["data"]
            else:
                self.tokens.append(["text", token["data"]])
        elif kind == START:
            if not is_in_template:
                self.note_state(token["name"])
            self.tokens.append(["start", token["name"], dict(token["data"]), token["selfClosing"]])
        elif kind == END:
            node = self.tree.openElements[-1] if self.tree.openElements else None
            if token["name"] in ("body", "html") and (
                    is_in_template or not self.has_body_in_scope() or node is not None and node.namespace != HTML):
                self.ignores_ends = True
            self.tokens.append(["end", token["name"]])
        elif kind == COMMENT:
            self.tokens.append(["comment", token["data"]])
        else:
            self.tokens.append(["doctype", token["name"], token["publicId"], token["systemId"]])

    def has_body_in_scope(self):
        """WHATWG HTML 13.2.4.2; not elementInScope(), which wants a stack that is not empty."""
        for node in reversed(self.tree.openElements):
            if node.name == "body" or node.nameTuple in scopingElements:
                return node.name == "body"
        return False

    def note_state(self, name):
        if self.is_in_foreign_content():
            self.foreign.add(len(self.tokens))
        # The standard dropped the "in select" insertion mode in 2025: inside select and frameset it now lets through
        # what html5lib ignores, so whether such a tag switches the tokenizer is not html5lib's to say.
        if name in SWITCHING and self.phase in [
                self.phases[p] for p in ("inSelect", "inSelectInTable", "inFrameset", "afterFrameset",
                                         "afterAfterFrameset")]:
            self.unsettled = True


def read(text):
    return Recorder(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=True).read(text)


def links(recorder, in_comment=False):
    """The links of section 4 in the order of the document, those in Outlook's conditional comments included."""
    found, for_outlook = [], in_comment
    for index, token in enumerate(recorder.tokens):
        if token[0] == "start" and "href" in token[2]:
            if token[1] == "a":
                found.append(Link("a", token[2], label(recorder, index)))
            elif token[1] == "area" and index not in recorder.foreign:
                found.append(Link("area", token[2]))
            elif for_outlook and ":" in token[1] and index not in recorder.foreign:
                found.append(Link("vml", token[2]))
        elif token[0] == "comment" and not in_comment:
            if opening := CONDITIONAL.match(token[1]):
                found += links(read(token[1][opening.end():]), in_comment=True)
            elif re.match(r"\[(?:if|endif)", token[1], re.I):
                # <![if …]> and <![endif]>: comments for browsers, not for Outlook.
                for_outlook = token[1][1:3].lower() == "if"
    return found


def label(recorder, start):
    """The text up to the link's end or the next link; None where it takes a tree to say what of it shows."""
    words, length = [], 0
    for token in recorder.tokens[start + 1:]:
        if token[0] in ("start", "end") and token[1] == "a":
            break
        length += len(str(token))
        if length > LONGEST_LABEL or start in recorder.foreign or token[0] == "start" and token[1] in SWITCHING:
            return None
        if token[0] == "text":
            words.append(token[1])
    return re.sub("[ \t\n\f\r]+", " ", "".join(words)).strip(" ")


class Comparison:
    """Walks two token streams at once; collects the pairs of href that differ."""

    def __init__(self, pixel):
        self.pixel = pixel
        self.changed = []
        self.pixel_index = None

    def documents(self, before, after):
        old, new = before.tokens, self.without_pixel(after.tokens)
        self.streams(old, new)

    def without_pixel(self, tokens):
        result = []
        for token in tokens:
            if self.pixel and token[0] == "start" and token[1] == "img" and token[2].get("src") == self.pixel:
                expect(self.pixel_index is None, "more than one pixel")
                self.pixel_index = len(result)
            elif token[0] == "text" and result and result[-1][0] == "text":
                result[-1] = ["text", result[-1][1] + token[1]]
            else:
                result.append(token)
        return result

    def streams(self, old, new):
        for index, (one, other) in enumerate(zip(old, new)):
            if one != other:
                self.tokens(one, other)
        expect(len(old) == len(new), f"html5lib: {len(old)} tokens before, {len(new)} after",
               "\n".join(map(str, old)), "\n".join(map(str, new)))

    def tokens(self, old, new):
        if old[0] == new[0] == "start" and old[1] == new[1] and old[3] == new[3] and list(old[2]) == list(new[2]):
            for name in old[2]:
                if old[2][name] != new[2][name]:
                    self.attribute(old, name, old[2][name], new[2][name])
        elif old[0] == new[0] == "comment" and (opening := CONDITIONAL.match(old[1])):
            expect(new[1].startswith(opening[0]), "a conditional comment's condition", old[1], new[1])
            self.streams(*(read(token[1][opening.end():]).tokens for token in (old, new)))
        elif old[0] == new[0] == "comment" and old[1].startswith("?xml"):
            expect(re.fullmatch(declared(old[1], "encoding"), new[1]), "an XML declaration", old[1], new[1])
        else:
            expect(False, "html5lib: a token differs", str(old), str(new))

    def attribute(self, token, name, old, new):
        if name == "href":
            self.changed.append((old, new))
        elif token[1] == "meta" and name == "charset":
            expect(new == "UTF-8", "a charset declaration", old, new)
        elif token[1] == "meta" and name == "content":
            expect(re.fullmatch(declared(old, "charset"), new), "a charset declaration", old, new)
        else:
            expect(False, f"html5lib: attribute {name} of {token[1]}", old, new)


def declared(text, word):
    """A pattern of the text with another label behind `word=`."""
    found = re.search(word + r"\s*=\s*(?:[\"']([^\"']*)[\"']|([^\s;]*))", text, re.I)
    if not found:
        return re.escape(text)
    start, end = found.span(1 if found[1] is not None else 2)
    return re.escape(text[:start]) + "UTF-8" + re.escape(text[end:])


# MARK: Trees

def compare_trees(before, after, text_without_pixel, pixel):
    """The trees without addresses (those of the tokens are compared) and the pixel; at last with the pixel cut out of
    the text, since an image opens formatting elements again and leaves tables (WHATWG HTML sections 13.2.4.3 and
    13.2.6.1)."""
    old = serialized(before.document, None)
    new = serialized(after.document, pixel)
    if old != new and pixel:
        new = serialized(read(text_without_pixel).document, None)
    expect(old == new, "html5lib: the trees", "\n".join(old), "\n".join(new))


def serialized(node, pixel):
    lines = []

    def text(value):
        if value:
            if lines and lines[-1].startswith("text "):
                lines[-1] += value
            else:
                lines.append("text " + value)

    def visit(element):
        if callable(element.tag):
            lines.append("comment")
        elif not (pixel and element.get("src") == pixel):
            start_tag(lines, element)
            text(element.text)
            for child in element:
                visit(child)
            lines.append("end")
        text(element.tail)
    visit(node)
    return lines


def start_tag(lines, element):
    lines.append(f"<{element.tag}")
    for name, value in element.attrib.items():
        is_declaration = element.tag == f"{{{HTML}}}meta" and name in ("charset", "content")
        lines.append(f"  {name}={'' if is_declaration or name == 'href' else value}")


def head(recorder):
    """The head of a document; empty where it has none."""
    element = recorder.document.find(f"{{{HTML}}}head")
    # Blanks and comments between its elements may stand behind it as well.
    return [] if element is None else [
        line for line in serialized(element, None) if line.strip() not in ("text", "comment")]


def begins_body(recorder):
    """Whether anything stands in the body: else the head's last element may have swallowed the document."""
    body = recorder.document.find(f"{{{HTML}}}body")
    return body is not None and (len(body) > 0 or bool(body.text and body.text.strip()))


def is_frameset(recorder):
    """WHATWG HTML 13.2.6.4.20: no image is shown."""
    return recorder.document.find(f"{{{HTML}}}frameset") is not None


def shows(recorder):
    """Whether anything shows: text that is not blank, or an element that shows without any."""
    hidden = {"head", "style", "script", "title", "noframes", "noembed", "iframe"}
    shown = {"img", "svg", "math", "iframe", "textarea", "select", "audio", "button", "canvas", "embed", "hr", "input",
             "meter", "object", "progress", "video"}

    def visit(element):
        if callable(element.tag):
            return False
        name = element.tag.rpartition("}")[2]
        if name in shown:
            return True
        if name in hidden:
            return False
        return has_text(element.text) or any(visit(child) or has_text(child.tail) for child in element)
    return visit(recorder.document)


def has_text(text):
    return any(unicodedata.category(char) not in ("Cc", "Cf", "Zs", "Zl", "Zp")
               and char not in "\u034f\u2800\u115f\u1160\u3164\ufffc\ufffd" for char in text or "")


def count_pixels(recorder, pixel):
    return sum(element.get("src") == pixel for element in recorder.document.iter() if not callable(element.tag))
