import Testing
import Tracking

@Test func tokensOpenAndNothingElseDoes() throws {
    let codec = try makeCodec()
    let message = try #require(TrackingMessageID(bytes: Array(0..<10)))
    let target = Array("https://shop.example.com/?a=1&b=2#c".utf8)
    let token = Token(message: message, recipient: 300, content: .click(number: 5, target: target))
    let text = try #require(codec.encode(token, key: codec.signingKey))
    #expect(codec.open(text, kind: .click)?.token == token)
    #expect(codec.open(text, kind: .open) == nil)
    for index in text.indices {
        var altered = text
        altered[index] ^= 1
        #expect(codec.open(altered, kind: .click) == nil)
        #expect(codec.open(text[..<index], kind: .click) == nil)
    }
}

@Test func anIdSaysItsDayAndNothingElse() {
    var generator = SystemRandomNumberGenerator()
    let day: Int64 = 86_400_000
    for number in [0, 1, 3, 4, 1_023, 1_024, 20_783] as [Int64] {
        for time in [number * day, (number + 1) * day - 1] {
            let bytes = TrackingMessageID(time: time, using: &generator).bytes
            #expect(Int64(bytes[0]) << 2 | Int64(bytes[1] >> 6) == number % 1_024)
        }
    }
    // Each of the other 70 bits is drawn: in 200 ids each was there, and each was not.
    let ids = (0..<200).map { _ in TrackingMessageID(time: 5 * day, using: &generator).bytes }
    for bit in 10..<80 {
        let ones = ids.count { $0[bit / 8] >> UInt8(7 - bit % 8) & 1 == 1 }
        #expect((1..<200).contains(ones))
    }
}

@Test func keyFilesComeBackAndDefectsAreNamed() throws {
    var ring = KeyRing(keys: [])
    _ = ring.add(secret: [UInt8](repeating: 0xA5, count: 32), created: 17)
    #expect(try KeyRing(parsing: ring.fileText) == ring)
    #expect(throws: KeyFileDefect.self) { try KeyRing(parsing: "1 active 17 zz") }
    #expect(throws: KeyFileDefect.self) { try KeyRing(parsing: "# empty\n") }
}

@Test(arguments: [
    ("https://shop.example.com/x", false), ("http:\\\\shop.example.com", false), ("https://intranet/", true),
    ("http://10.1.2.3/", true), ("http://8.8.8.8/", false), ("http://127.1/", true), ("http://[::1]/", true),
    ("https://user@printer.local:8080/", true), ("http://127.0.0.%31/", true), ("http://0x7f.1/", true),
    ("http://2130706433/", true), ("http://0300.0250.1.1/", true), ("http://134744072/", false),
    ("http://010.010.010.010/", false), ("http://8.8.8.8./", false), ("http://127.0.0.1./", true),
    ("http://[::ffff:129.144.52.38]/", false), ("http://[::ffff:10.0.0.1]/", true),
    ("http://[64:ff9b::8.8.8.8]/", false),
    ("http://[2002:7f00:1::]/", true), ("http://[2606:4700::1111]/", false), ("http://[fe80::1]/", true),
    ("http://[::]/", true), ("http://[FD00::1]/", true), ("http://[::129.144.52.38]/", true),
    ("http://１２７.0.0.1/", true), ("http://shop。example.com/", false), ("http://intra%6eet/", true),
    ("http://b\u{AD}.local/", true), ("https://bücher.example/", false), ("http://198.18.0.1/", true),
])
func privateHostsAreKnown(_ url: String, _ isPrivate: Bool) throws {
    #expect(try LinkTarget.parse(Array(url.utf8)).get().isPrivate == isPrivate)
}

@Test func aPlainNameIsReadAsTheRulesForAllHostsReadIt() {
    // With its first octet percent-encoded a host says the same and takes the long way.
    func host(_ written: [UInt8]) -> URLHost? {
        try? LinkTarget.parse(Array("http://".utf8) + written + Array("/".utf8)).get().name
    }
    var random = SystemRandomNumberGenerator()
    let pieces = [
        "a", "Z", "x", "xn--", "--", "-", "_", ".", "..", "0", "7", "0x", "0xf", "127.1", "shop", "example.com",
        String(repeating: "l", count: 62), "!", "é",
    ].map { Array($0.utf8) }
    var names = 0
    for _ in 0..<20_000 {
        let count = Int.random(in: 1...5, using: &random)
        let written = (0..<count).flatMap { _ in pieces.randomElement(using: &random) ?? [] }
        guard let first = written.first else { continue }
        let encoded = Array("%\(String(first, radix: 16))".utf8) + written.dropFirst()
        let plain = host(written)
        if plain != nil { names += 1 }
        guard plain != host(encoded) else { continue }
        Issue.record("\(String(decoding: written, as: UTF8.self)): \(String(describing: plain))")
    }
    #expect(names > 2_000)
}

@Test func whatIDNAIgnoresIsIgnored() throws {
    #expect(try LinkTarget.parse(Array("http://a\u{AD}\u{FE0F}b.example/".utf8)).get().host == Array("ab.example".utf8))
}

@Test(arguments: [
    "http://[127.0.0.1]/", "http://[::1/", "http://[::1]x/", "http://[1:2]/", "http://[::1%25eth0]/", "http://[:::]/",
    "http://[::1.2.3]/", "http://[::01.2.3.4]/", "http://[1::2::3]/", "http://[1:2:3:4:5:6:7:8:9]/", "http://[]/",
    "http://1.2.3.4.5/", "http://256.256.256.256/", "http://a.0x/", "http://09.1/", "http://4294967296/",
    "http://a b.example/", "http://a%20b.example/", "http://a%.example/", "http://a<b.example/", "http://a|b.example/",
    "http://a%2Fb.example/", "https://shop.example.com:99999/", "https://shop.example.com:8x/", "http://xn--.example/",
    "http://a%00b.example/", "http://x.①/", "http://%ff.example/", "http://1.2.3.0x100/", "http://[::g]/",
    "http://a^b.example/", "http://a\u{FFFD}.example/", "http://a\u{E000}.example/", "http://[::ffff:1.2.3.256]/",
    "http://a.\u{2D9}example/", "http://a\u{2026}b.example/", "http://127.0.0\u{2024}1/", "http://0\u{2E3}7f.1/",
    "http://a\u{200E}b.example/", "http://a\u{33C2}.example/", "http://a\u{FE52}example/",
    "http://a.\u{5B3}b.example/", "http://\u{93E}.example/",
])
func hostsThatNoBrowserTakesAreRefused(_ url: String) {
    #expect(throws: LinkTarget.RefusalError.self) { try LinkTarget.parse(Array(url.utf8)).get() }
}

@Test(arguments: [
    // Punctuation and scripts: whole, or not at all.
    ("A https://a.example/café/x B", "https://a.example/café/x", true),
    ("https://www.bücher.example.", "https://www.bücher.example", true),
    ("https://w.example/wiki/File:Закат_на_озере.jpg!", "https://w.example/wiki/File:Закат_на_озере.jpg", true),
    ("见https://a.example/x。谢谢", "https://a.example/x", true), ("https://a.example/x，y", "https://a.example/x", true),
    ("https://a.example/产品?id=5 B", "https://a.example/产品?id=5", false),
    ("https://a.example/x谢谢", "https://a.example/x谢谢", false), ("https://a.example/x👍", "https://a.example/x👍", false),
    ("«https://a.example/x»", "https://a.example/x", true), ("https://a.example/it’s", "https://a.example/it’s", false),
    ("https://a.example/x…", "https://a.example/x", true), ("https://a.example/a^b", "https://a.example/a^b", false),
    ("https://a.example/x|https://b.example/", "https://a.example/x|https://b.example/", false),
    ("`https://a.example/x`", "https://a.example/x", true), ("*https://a.example/x*", "https://a.example/x", true),
    ("https://a.example/x_", "https://a.example/x_", false),
    ("https://a.example/x\u{A0}y", "https://a.example/x", true),
    ("https://a.example/\u{200B}", "https://a.example/", true),
    // Brackets (RFC 3986, appendix C).
    ("<https://a.example/b/c\r\n/d?x=1> y", "https://a.example/b/c/d?x=1", true),
    ("<URL:https://a.example/b/\r\n   i?x=1>", "https://a.example/b/i?x=1", true),
    ("<https://a.example/产品>", "https://a.example/产品", true), ("<https://a.example/b c>", "https://a.example/b", true),
    ("<https://a.example/b\r\nSome words>", "https://a.example/b", false),
    ("<https://a.example/b\r\nhttps://c.example/d>", "https://a.example/b", false),
    ("> <https://a.example/b\r\n> /c>", "https://a.example/b", false),
    ("<https://a.example/b\r\n\r\nx>", "https://a.example/b", true),
    ("<https://a.example/b", "https://a.example/b", true),
])
func textLinksAreWholeOrNotAtAll(_ text: String, _ url: String, _ isCertain: Bool) throws {
    let bytes = Array(text.utf8)
    let link = try #require(PlainTextLinks.find(in: bytes).first)
    #expect(String(decoding: link.url, as: UTF8.self) == url)
    #expect(link.isCertain == isCertain)
}

@Test(arguments: [
    ("See https://a.example/long/ \r\nand/more?x=1 for", [false]),
    ("> https://a.example/long/ \r\n> and/more", [false]),
    ("https://a.example/long  \r\nand", [true]), ("https://a.example/long\r\nand", [true]),
    ("https://a.example/ \r\nhttps://b.example/", [false, false]), ("https://a.example/. \nNext", [false]),
])
func flowedLinesWithDeletedSpacesGoOn(_ text: String, _ certain: [Bool]) {
    #expect(PlainTextLinks.find(in: Array(text.utf8), deletesSpaces: true).map(\.isCertain) == certain)
    let fixed = PlainTextLinks.find(in: Array(text.utf8))
    #expect(!fixed.contains { !$0.isCertain })
}

@Test func textLinksEndWhereAReaderWouldEndThem() {
    let text = Array("See (https://a.example/x_(y)), or http://b.example/z. xhttp://no".utf8)
    let found = PlainTextLinks.find(in: text).map { String(decoding: $0.url, as: UTF8.self) }
    #expect(found == ["https://a.example/x_(y)", "http://b.example/z"])
}
