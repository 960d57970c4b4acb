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

/// Where an image at the top leaves the head whole: at the bar.
@Test(arguments: [
    "<title>t</title><style>a{}</style>|<p>x",
    "<html><head><meta charset=utf-8><title>t</title>|\n<p>x<title>y</title>",
    "<!doctype html><html><head><base href=x><link>|<div><style>b</style>", "<script>a</script>|text<title>",
    "<head></head><style>a</style>|<p>", "<head></head>|<noscript><style>a</style></noscript>",
    "<noscript><style>a</style></noscript><link>|x", "<noscript><meta>|<p></noscript>",
    "<template><p>x</template><title>t</title>|<p>", "<noframes><p></noframes><title>t</title>|é",
    "|é<title>x</title>", "\u{FEFF}<title>t</title>|x", "<title>a</title>|</body><style></style>",
    "<!-- c --><title>t</title>|<!-- d --><p>", "|<svg></svg><title>t</title>", "<title>t</title>|</br><style></style>",
    "</p></div><title>t</title>|<frame><title>u</title>",
])
func theTopIsBehindTheHead(_ marked: String) {
    let pieces = marked.utf8.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
    #expect(HTMLScan(Array(pieces.joined())).pixel.top == pieces[0].count)
}

@Test(arguments: [
    ("<frameset><frame></frameset>", true), ("<html><head><title>t</title></head><frameset cols=*></frameset>", true),
    ("<p><frameset>", true), ("<div><input type=hidden><frameset>", true), ("x<frameset>", false),
    ("<body><frameset>", false), ("<p><br><frameset>", false), ("<img><frameset>", false), ("<table><frameset>", false),
    ("<select><frameset>", false), ("<template><frameset></template>x", false), ("<title>x</title><frameset>", true),
    ("<svg><frameset></svg>", false), ("<noframes><frameset></noframes>", false), ("<input><frameset>", false),
])
func framesetsShowNoImage(_ html: String, _ isFrameset: Bool) {
    let scan = HTMLScan(Array("\(html)<img>".utf8))
    #expect(scan.pixel.hasPlace == !isFrameset)
    if isFrameset { #expect(scan.images == 0) }
}

@Test(arguments: [
    ("", false), (" \r\n", false), ("<html><head><title>t</title><style>x</style></head><body> </body></html>", false),
    ("<p>&nbsp;&zwnj;&#8203;</p>", false), ("<script>x</script><!-- x -->", false), ("<p>x", true),
    ("<img src=x>", true),
    ("<hr>", true), ("<svg></svg>", true), ("<template>x</template>", false), ("<td>&amp;</td>", true), ("é", true),
    ("<textarea>", true), ("<xmp>x</xmp>", true),
])
func contentIsWhatShows(_ html: String, _ isThere: Bool) { #expect(HTMLScan(Array(html.utf8)).hasContent == isThere) }

/// `<title><a href=x>` holds a link where it is foreign, and text where it is HTML's.
@Test(arguments: [
    ("<div><svg></div>", false), ("<div><svg><g></div>", false), ("<svg></div>", true), ("<p><svg></p>", false),
    ("<div></div><svg></div>", true), ("<span><svg></span>", false), ("<span><div><svg></span>", true),
    ("<b><svg></b>", false), ("<b><div><svg></b>", false), ("<div><b></div><svg></b>", false), ("</b><svg></b>", true),
    ("<table><tr><td><svg></td>", false), ("<table><tr><td><svg></tr>", false), ("<table><td><svg></th>", true),
    ("<td><svg></td>", true), ("<ul><li>a</ul><svg></li>", true), ("<ul><li><svg></li>", false),
    ("<form><svg></form>", true),
    ("<div><svg><g></g></div>", false), ("<div><svg><title></div></title>", true), ("<h1><svg></h2>", false),
    ("<div><svg><foreignObject></div></foreignObject>", true), ("<div><svg></body>", true),
    ("<div><math><mi></div></mi>", true),
    ("<table><td><svg><foreignObject></td>", false), ("<br><svg></br>", false), ("<svg><br>", false),
    ("<li><div><li><svg></li>", false), ("<div><table><td><svg></div>", true), ("<a><svg></a>", false),
])
func foreignContentEndsWhereABrowserEndsIt(_ html: String, _ isForeign: Bool) {
    #expect(urls("\(html)<title><a href=x>").isEmpty == !isForeign)
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
