"""html5lib, mended where it is older than the HTML Standard, and with what it never had: templates."""

import html5lib
from html5lib import html5parser
from html5lib.constants import cdataElements, namespaces, rcdataElements, specialElements, tokenTypes

HTML, SVG, MATHML = namespaces["html"], namespaces["svg"], namespaces["mathml"]
START, END = tokenTypes["StartTag"], tokenTypes["EndTag"]

# Section 13.2.4.2, "special": html5lib knows of foreignObject alone.
html5parser.specialElements = specialElements | {(SVG, "desc"), (SVG, "title")} | {
    (MATHML, name) for name in ("mi", "mo", "mn", "ms", "mtext", "annotation-xml")}
PHASES = html5parser.getPhases(False)
IN_BODY, FOREIGN = PHASES["inBody"], PHASES["inForeignContent"]
adoption_agency, foreign_end_tag = IN_BODY.endTagFormatting, FOREIGN.processEndTag


def end_tag_formatting(self, token):
    """Section 13.2.6.4.7, step 5: an element out of scope is left alone; html5lib takes any other end tag's way."""
    element = self.tree.elementInActiveFormattingElements(token["name"])
    if element and element in self.tree.openElements and not self.tree.elementInScope(element.name):
        return None
    return adoption_agency(self, token)


def end_tag_in_foreign_content(self, token):
    """Section 13.2.6.5: `</p>` and `</br>` leave foreign content."""
    if token["name"] not in ("p", "br"):
        return foreign_end_tag(self, token)
    parser = self.parser
    while not (self.tree.openElements[-1].namespace == HTML or parser.isHTMLIntegrationPoint(self.tree.openElements[-1])
               or parser.isMathMLTextIntegrationPoint(self.tree.openElements[-1])):
        self.tree.openElements.pop()
    return parser.phase.processEndTag(token)


IN_BODY.endTagFormatting = end_tag_formatting
END_TAGS = vars(IN_BODY)["endTagHandler"]
END_TAGS.update({name: end_tag_formatting for name in END_TAGS if END_TAGS[name] is adoption_agency})
FOREIGN.processEndTag = end_tag_in_foreign_content


class BrowserParser(html5lib.HTMLParser):
    """Shows each token to `note` in front of tree construction, which drives the tokenizer.

    The standard keeps a template's content in a document of its own (section 4.12.3), where nothing shows: the tree gets
    none of it. What leads into foreign content in there is `unsettled`, since that takes a tree to follow."""

    def mainLoop(self):
        tokenizer = self.tokenizer
        self.tokenizer = TokenTap(tokenizer, self)
        super().mainLoop()
        self.tokenizer = tokenizer

    def is_in_foreign_content(self):
        node = self.tree.openElements[-1] if self.tree.openElements else None
        return node is not None and node.namespace != HTML and not self.isHTMLIntegrationPoint(node) and not (
            self.isMathMLTextIntegrationPoint(node))


class TokenTap:
    """A tokenizer that shows each token to the parser and keeps those of templates from its tree."""

    def __init__(self, tokenizer, parser):
        self.tokenizer, self.parser = tokenizer, parser

    def __iter__(self):
        depth = 0
        for token in self.tokenizer:
            self.parser.note(token, depth > 0)
            is_tag = token["type"] in (START, END)
            if not is_tag or token["name"] != "template" or depth == 0 and self.parser.is_in_foreign_content():
                if depth == 0:
                    yield token
                elif token["type"] == START:
                    self.switch(token["name"])
            elif token["type"] == START:
                depth += 1
                # Section 13.2.6.4.4; in a frameset there is none, and a noscript of the head ends in front of it.
                self.parser.framesetOK = False
                if self.parser.phase in [self.parser.phases[name] for name in (
                        "inHeadNoscript", "inFrameset", "afterFrameset", "afterAfterFrameset")]:
                    self.parser.unsettled = True
            else:
                depth = max(0, depth - 1)

    def switch(self, name):
        """What tree construction would do inside (sections 13.2.6.4.4 and 13.2.6.4.7)."""
        if name in rcdataElements or name in cdataElements - {"noscript"}:
            self.tokenizer.state = (self.tokenizer.rcdataState if name in rcdataElements
                                    else self.tokenizer.rawtextState)
        if name == "script":
            self.tokenizer.state = self.tokenizer.scriptDataState
        if name == "plaintext":
            self.tokenizer.state = self.tokenizer.plaintextState
        if name in ("svg", "math", "select", "frameset"):
            self.parser.unsettled = True

    def __getattr__(self, name):
        return getattr(self.__dict__["tokenizer"], name)

    def __setattr__(self, name, value):
        if name in ("tokenizer", "parser"):
            self.__dict__[name] = value
        else:
            setattr(self.tokenizer, name, value)
