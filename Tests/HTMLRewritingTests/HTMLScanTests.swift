import HTMLRewriting
import Testing

private func urls(_ html: String) -> [String] {
    HTMLScan(Array(html.utf8)).links.map { String(decoding: $0.url, as: UTF8.self) }
}

@Test(arguments: [
    ("<a href=http://a/?x=1&amp;y=2>", ["http://a/?x=1&y=2"]), ("<A HREF='http://a/&copy=1'>", ["http://a/&copy=1"]),
    ("<a href=\" ht\ntp://a/ \">", ["http://a/"]), ("<a href=x href=y><area href=z>", ["x", "z"]),
    ("<style><a href=x></style><title><a href=y></title><!-- <a href=z> --><a href=w>", ["w"]),
    ("<!--[if mso]><v:roundrect href=\"http://v/\"><a href=o></a><![endif]--><a href=p>", ["http://v/", "o", "p"]),
    ("<![if !mso]><a href=q><![endif]>", ["q"]), ("<svg><style><a href=s></style><![CDATA[<a href=t>]]></svg>", ["s"]),
    ("<a href=\"&#104;ttp&#x3A;//h&notit;\">", ["http://h&notit;"]), ("<textarea><a href=x>", []), ("<a href=x", []),
])
func linksAreThoseABrowserFollows(_ html: String, _ expected: [String]) {
    #expect(urls(html) == expected)
}

@Test func charsetDeclarationsAreFound() {
    let html = Array(
        "<?xml version='1.0' encoding='gbk'?><meta charset=\" big5 \"><META http-equiv=Content-Type content='text/html; charset=gb2312'>"
            .utf8)
    let labels = HTMLScan(html).charsetDeclarations.map { String(decoding: html[$0], as: UTF8.self) }
    #expect(labels == ["big5", "gb2312", "gbk"])
}

@Test(arguments: [
    ("<html><body>x|</body></html>", false), ("<body>x</body><p>|</body></html>", false), ("x|</html>", false),
    ("x|", false), ("<!doctype html><html><head><title>t</title></head>|<!-- x", true), ("|<title>x", true),
])
func pixelPlacesAreWhereAnImageShows(_ marked: String, _ isSwallowed: Bool) {
    let pieces = marked.split(separator: "|", omittingEmptySubsequences: false)
    let places = HTMLScan(Array(pieces.joined().utf8)).pixel
    let expected = pieces[0].utf8.count
    #expect((places.unclosed != nil) == isSwallowed)
    let bottom = places.beforeBodyEnd ?? places.beforeHTMLEnd ?? (isSwallowed ? places.top : places.end)
    #expect(bottom == expected)
}

@Test func escapedValuesReadBack() {
    let url = Array("http://a/?b=1&copy=2\"'<> x".utf8)
    for (open, close, quoting) in [
        ("=\"", "\"", Quoting.double), ("='", "'", .single), ("=", "", .unquoted), ("", "", .noValue),
    ] {
        let html =
            Array("<a href\(open)".utf8) + HTMLAttributeValue.escaped(url, for: quoting) + Array("\(close)>".utf8)
        #expect(HTMLScan(html).links.first?.url == url)
    }
}
