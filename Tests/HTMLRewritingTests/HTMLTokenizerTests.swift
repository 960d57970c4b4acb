import HTMLRewriting
import Testing

private func dump(_ html: String, mode: HTMLTokenizer.Mode = .data, cdata: Bool = false) -> [String] {
    let bytes = Array(html.utf8)
    var tokenizer = HTMLTokenizer(bytes)
    tokenizer.mode = mode
    tokenizer.allowsCDATA = cdata
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    var tokens: [String] = []
    while let token = tokenizer.next() {
        switch token {
        case .text(let range): tokens.append("#" + text(range))
        case .comment(_, let data): tokens.append("!" + text(data))
        case .doctype: tokens.append("D")
        case .endTag(let tag): tokens.append("/" + text(tag.name))
        case .startTag(let tag):
            let attributes = tag.attributes(in: bytes).map { " \(text($0.name))=\(text($0.value))" }.joined()
            tokens.append("<" + text(tag.name) + attributes + (tag.isSelfClosing ? "/" : ""))
        }
    }
    return tokens
}

@Test(arguments: [
    ("<a href=x>t</a>", ["<a href=x", "#t", "/a"]), ("<A/HREF = 'x y'>", ["<A HREF=x y"]),
    ("a < b <3", ["#a < b <3"]), ("<!-->x", ["!", "#x"]), ("<!--->x", ["!", "#x"]), ("<!--a--!>x", ["!a", "#x"]),
    ("<!doctype html><br/>", ["D", "<br/"]), ("<?xml a?>x", ["!?xml a?", "#x"]), ("</>x", ["!", "#x"]),
    ("<a b=c/>", ["<a b=c/"]), ("<a =b>", ["<a =b="]), ("<a b", []), ("<a b='c", []),
    ("<![CDATA[x]]>", ["![CDATA[x]]"]),
])
func tokensAreTheStandards(_ html: String, _ expected: [String]) {
    #expect(dump(html) == expected)
}

@Test func scriptEndsWhereABrowserEndsIt() {
    #expect(dump("a</scriptx></script>b", mode: .script) == ["#a</scriptx>", "/script", "#b"])
    #expect(
        dump("<!--<script></script>--></script>b", mode: .script) == ["#<!--<script></script>-->", "/script", "#b"])
    #expect(dump("<!--></script>", mode: .script) == ["#<!-->", "/script"])
    #expect(dump("x</TITLE >y", mode: .text(until: .title)) == ["#x", "/TITLE", "#y"])
    #expect(dump("<![CDATA[<a>]]>b", cdata: true) == ["#<a>", "#b"])
}

@Test func everyPrefixOfAGnarlyDocumentIsRead() {
    let html = "<!doctype html><p a='b' c=d e><!--x--><script><!--<script></script>--></script><![CDATA[a]]></p >&#x80;"
    for end in 0...html.utf8.count { _ = dump(String(html.prefix(end)), cdata: end.isMultiple(of: 2)) }
}
