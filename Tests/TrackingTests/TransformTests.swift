import MailMessage
import Testing
import Tracking

/// What the vendor's Python sample makes of itself under smtplib: a multipart labelled quoted-printable, a base64 leaf.
private let pythonSample = """
    Content-Type: multipart/alternative; boundary="===============1234567890=="
    MIME-Version: 1.0
    Content-Transfer-Encoding: quoted-printable
    From: news@shop.example.com
    To: ann@customer.example

    --===============1234567890==
    Content-Type: text/html; charset="utf-8"
    MIME-Version: 1.0
    Content-Transfer-Encoding: base64

    PGh0bWw+PGJvZHk+PGEgaHJlZj0iaHR0cHM6Ly93d3cuYWxpeXVuLmNvbSI+RW1haWwgVHJhY2tp
    bmc8L2E+PC9ib2R5PjwvaHRtbD4=

    --===============1234567890==--

    """

/// The vendor's Java sample under JavaMail.
private let javaSample = """
    From: news@shop.example.com
    MIME-Version: 1.0
    Content-Type: multipart/mixed;
    \tboundary="----=_Part_0_1.2"

    ------=_Part_0_1.2
    Content-Type: text/html; charset=UTF-8
    Content-Transfer-Encoding: quoted-printable

    <html><body><a href=3D"https://www.aliyun.com">Email Tracking</a></body></htm=
    l>
    ------=_Part_0_1.2--

    """

private func html(_ body: String, type: String = "text/html; charset=UTF-8", more: String = "") -> String {
    "From: a@b.example\nMIME-Version: 1.0\nContent-Type: \(type)\n\(more)\n\(body)"
}

@Test(arguments: [pythonSample, javaSample])
func theVendorsSamplesAreTracked(_ sample: String) throws {
    let decision = try makeDecision()
    let result = try Rendered(sample, decision)
    #expect(result.reason == nil)
    #expect(try result.targets() == ["https://www.aliyun.com"])
    let text = try result.text()
    #expect(text.contains("<img src=\"https://t.example.com/o/"))
    #expect(text.hasSuffix("></body></html>"))
    let tree = try MIMETree.parse(result.output)
    let leaf = try #require(tree.parts.first { $0.contentType.is("text", "html") })
    #expect(leaf.contentType.parameter("charset") == "UTF-8")
    #expect(leaf.transferEncoding == .quotedPrintable)
    #expect([.sevenBit, .eightBit].contains(tree.parts[0].transferEncoding))
    for line in String(decoding: result.output[leaf.body], as: UTF8.self).split(separator: "\r\n") {
        #expect(line.utf8.count <= 76)
    }
}

@Test func bytesOutsideTheRewrittenPartAreIdentical() throws {
    let message = """
        X-Odd :  kept  \t
        From: a@b.example
        Content-Type: multipart/mixed; boundary=xx; x="y"

        preamble \u{20}
        --xx
        Content-Type: text/plain
        Content-Transfer-Encoding: BASE64

        aGk=
        --xx\u{20}
        Content-Type: text/html; charset=utf-8; format=x

        <a href="https://a.example/?b=1&amp;c=2">x</a>
        --xx
        Content-Type: application/octet-stream
        Content-Disposition: attachment

        \u{1}binary
        --xx--
        epilogue
        """
    let original = Array(message.replacing("\n", with: "\r\n").utf8)
    let result = try Rendered(original, try makeDecision())
    #expect(result.reason == nil)
    let before = try MIMETree.parse(original)
    let after = try MIMETree.parse(result.output)
    let old = try #require(before.parts.first { $0.contentType.is("text", "html") })
    let new = try #require(after.parts.first { $0.contentType.is("text", "html") })
    #expect(original[old.body.upperBound...] == result.output[new.body.upperBound...])
    let head =
        "MIME-Version: 1.0\r\nX-Odd :  kept  \t\r\nFrom: a@b.example\r\nContent-Type: multipart/mixed; boundary=xx; x=\"y\"\r\n"
    #expect(result.output.starts(with: head.utf8))
    #expect(try result.targets() == ["https://a.example/?b=1&c=2"])
    #expect(String(decoding: result.output, as: UTF8.self).contains("format=x"))
}

@Test func retriesSendTheSameBytesAndRecipientsDiffer() throws {
    let decision = try makeDecision()
    let first = try Rendered(javaSample, decision, recipient: 1)
    #expect(try Rendered(javaSample, decision, recipient: 1).output == first.output)
    #expect(try Rendered(javaSample, decision, recipient: 2).output != first.output)
}

@Test(arguments: [
    (#"<a href="mailto:a@b.example">x</a>"#, LinkReason.otherScheme), (#"<a href="/x">x</a>"#, .relative),
    (##"<a href="#top">x</a>"##, .fragment), (#"<a href="">x</a>"#, .empty), (#"<a href="https://">x</a>"#, .noHost),
    (#"<a href="http://intranet/x">x</a>"#, .privateHost), (#"<a href="http://10.1.2.3/x">x</a>"#, .privateHost),
    (#"<a href="https://t.example.com/c/x">x</a>"#, .alreadyTracked),
    (#"<a href="https://no.example.net/">x</a>"#, .excluded),
    (#"<a href="https://a.example" data-alidm-traceoff>x</a>"#, .traceOff),
    (#"<a href = "http://www.aliyun.com" DATA-ALIDM-TRACEOFF=1>x</a>"#, .traceOff),
    (#"<a href="https://a.example" clicktracking="OFF">x</a>"#, .otherMarker),
    (#"<a ses:no-track href="https://a.example">x</a>"#, .otherMarker),
    (#"<a href="https://a.example" data-msys-clicktrack="0">x</a>"#, .otherMarker),
    (#"<a href="https://u.example/off?x=1&amp;y=2">x</a>"#, .listUnsubscribe),
    (#"<a href="https://a.example/{{name}}">x</a>"#, .templateMarker),
    (#"<a href="https://a.example/*|NAME|*">x</a>"#, .templateMarker),
    (#"<a href="https://a.example/\#(String(repeating: "x", count: 2_000))">x</a>"#, .tooLong),
    (#"<a href="https://a.example/">a.example</a>"#, .labelIsURL),
])
func linksLeftAloneHaveTheirReason(_ link: String, _ reason: LinkReason) throws {
    let decision = try makeDecision { policy in
        policy.exclude = [LinkPattern("*.example.net")]
        policy.labelIsURL = .leave
    }
    let message = html(
        "<p>\(link)</p>", more: "List-Unsubscribe: <mailto:x@y.example>,\n <https://u.example/off?x=1&y=2>\n")
    let result = try Rendered(message, decision)
    let report = try #require(result.outcome.report.parts.first?.links.first)
    #expect(report.reason == reason)
    #expect(try result.text().contains(link))
}

@Test func anHTTPSTargetNeverPassesAnHTTPHostThatIsNotLoopback() throws {
    let message = html(#"<a href="https://a.example">x</a><a href="http://a.example">x</a>"#)
    let plain = try Rendered(message, try makeDecision(baseURL: "http://t.example.com"))
    #expect(plain.outcome.report.parts[0].links.map(\.reason) == [.secureTarget, nil])
    let demo = try Rendered(message, try makeDecision(baseURL: "http://127.0.0.1:8025"))
    #expect(demo.outcome.report.parts[0].links.map(\.reason) == [nil, nil])
}

@Test(arguments: [
    (html("x", type: "text/plain"), PassThroughReason.noHTMLPart),
    (html("<a>é", type: "text/html; charset=x-klingon"), .unknownCharset),
    (html("PGEgaHJlZj1o\nPGE=\nscanned\n", more: "Content-Transfer-Encoding: base64\n"), .doubtfulEncoding),
    (html("<a>", more: "Content-Transfer-Encoding: x-uuencode\n"), .unknownEncoding),
    (html("<a>", more: "DKIM-Signature: v=1\n"), .dkimSigned),
    (html("-----BEGIN PGP MESSAGE-----\nx\n-----END PGP MESSAGE-----\n"), .inlinePGP),
    (html("--s\nContent-Type: text/html\n\n<p>\n--s--\n", type: "multipart/signed; boundary=s"), .signed),
    (html("--s\nContent-Type: text/html\n\n<p>\n--s--\n", type: "multipart/report; boundary=s"), .report),
    (
        html("--s\nContent-Type: application/pgp-encrypted\n\n1\n--s--\n", type: "multipart/encrypted; boundary=s"),
        .encrypted
    ),
])
func doubtSendsTheOriginal(_ message: String, _ reason: PassThroughReason) throws {
    let result = try Rendered(message, try makeDecision())
    #expect(result.reason == reason)
    #expect(result.output == Array(message.replacing("\n", with: "\r\n").utf8))
}

@Test func aSignatureIsRemovedWhereThePolicySaysSo() throws {
    let message = html("<p>", more: "DKIM-Signature: v=1;\n b=xx\nSubject: s\n")
    let result = try Rendered(message, try makeDecision { $0.dkimSigned = .remove })
    #expect(result.reason == nil)
    #expect(!String(decoding: result.output, as: UTF8.self).contains("DKIM"))
}

@Test(arguments: [
    ("iso-8859-1", [UInt8]([0xE9, 0x20, 0xFC]), "é ü"), ("windows-1252", [0x80, 0x99], "€™"),
    ("koi8-r", [0xF0, 0xD2], "Пр"), ("gbk", [0xC4, 0xE3, 0xBA, 0xC3], "你好"), ("GB2312", [0xC4, 0xE3], "你"),
    ("big5", [0xA7, 0x41], "你"), ("shift_jis", [0x82, 0xA0], "あ"), ("euc-kr", [0xC7, 0xD1], "한"),
    ("us-ascii", Array("né".utf8), "né"), ("utf-8", Array("né".utf8), "né"),
])
func charsetsBecomeUTF8(_ label: String, _ bytes: [UInt8], _ text: String) throws {
    let head = "Content-Type: text/html; charset=\(label)\r\n\r\n<meta charset=\(label)><p>"
    let result = try Rendered(Array(head.utf8) + bytes + Array("</p>".utf8), try makeDecision())
    #expect(result.reason == nil)
    #expect(
        try result.text().hasPrefix(
            label == "utf-8" ? "<meta charset=utf-8><p>\(text)</p>" : "<meta charset=UTF-8><p>\(text)</p>"))
}

@Test func undecodableBytesAreEditedInPlace() throws {
    let head = "Content-Type: text/html; charset=utf-8\r\n\r\n<a href=https://a.example>"
    let result = try Rendered(Array(head.utf8) + [0xFF, 0xE9] + Array("</a>".utf8), try makeDecision())
    #expect(result.reason == nil)
    let tree = try MIMETree.parse(result.output)
    let body = QuotedPrintable.decode(result.output, in: tree.parts[0].body).bytes
    #expect(body.firstRange(of: [0xFF, 0xE9]) != nil)
    #expect(try result.targets() == ["https://a.example"])
}

@Test func thePixelIsSwallowedByNothing() throws {
    for tail in ["<!-- open", "<script>x", "<style>x", "<title>x", "<textarea>x"] {
        let result = try Rendered(html("<body><p>x</p>\(tail)"), try makeDecision())
        #expect(try result.text().hasPrefix("<body><img src=") == true)
    }
    let plain = try Rendered(html("<p>x</p>"), try makeDecision())
    #expect(try plain.text().contains("<p>x</p><img src="))
    let long = try Rendered(
        html("<body>" + String(repeating: "<p>0123456789</p>\n", count: 7_000) + "</body>"), try makeDecision())
    #expect(try long.text().hasPrefix("<body><img src="))
}

@Test func textLinksFollowThePolicy() throws {
    let message = html(
        "--s\nContent-Type: text/plain\n\nSee https://a.example/x. And https://off.example/\n--s\n"
            + "Content-Type: text/html\n\n<a href=https://off.example/ data-alidm-traceoff>x</a>\n--s--\n",
        type: "multipart/alternative; boundary=s")
    let off = try Rendered(message, try makeDecision())
    #expect(try off.text("plain").contains("See https://a.example/x."))
    let result = try Rendered(message, try makeDecision { $0.textLinks = true })
    #expect(try result.targets("plain") == ["https://a.example/x"])
    #expect(try result.text("plain").contains("https://off.example/"))
}

@Test func campaignParametersAreAddedOnce() throws {
    let decision = try makeDecision { policy in
        policy.utm = [
            CampaignParameter(name: "utm_source", value: "a b"), CampaignParameter(name: "utm_medium", value: "m"),
        ]
    }
    let result = try Rendered(
        html(#"<a href="https://a.example/?utm_source=x#f">x</a><a href="https://a.example">y</a>"#), decision)
    #expect(
        try result.targets() == [
            "https://a.example/?utm_source=x&utm_medium=m#f", "https://a.example?utm_source=a%20b&utm_medium=m",
        ])
}

@Test func mutatedMessagesNeverTrapAndStayDeterministic() throws {
    var random = SeededGenerator(state: 7)
    let decision = try makeDecision()
    let seeds = [pythonSample, javaSample].map { Array($0.replacing("\n", with: "\r\n").utf8) }
    for round in 0..<400 {
        var bytes = seeds[round % 2]
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: place)
            default: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
            }
        }
        let one = try Rendered(bytes, decision)
        #expect(one.reason != .selfCheckFailed, "\(String(decoding: bytes, as: UTF8.self))")
        if one.reason != nil { #expect(one.output == bytes) }
    }
}

/// SplitMix64: the same sequence on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a browser sends for a query in the document's charset; what the charset has not becomes a reference.
@Test(arguments: [
    ("shift_jis", "a¬b", "a%26%23172%3Bb"), ("shift_jis", "ソ¬表", "%83\\%26%23172%3B%95\\"),
    ("gbk", "ö中", "%26%23246%3B%D6%D0"), ("iso-8859-1", "é中", "%E9%26%2320013%3B"),
    ("iso-2022-jp", "日¬本語", "%1B$BF|%1B(B%26%23172%3B%1B$BK%5C8l%1B(B".replacing("%5C", with: "\\")),
    ("utf-8", "¬", "¬"), ("iso-2022-kr", "é", "é"),
])
func queriesAreInTheDocumentsCharset(_ charset: String, _ query: String, _ sent: String) throws {
    let references = query.unicodeScalars.map { "&#\($0.value);" }.joined()
    let page = html(
        "<a href=\"https://a.example/é?\(query)#é\">x</a>".replacing(query, with: references)
            .replacing("é", with: "&#233;"), type: "text/html; charset=\(charset)")
    let result = try Rendered(page, makeDecision())
    #expect(try result.targets() == ["https://a.example/é?\(sent)#é"])
}
