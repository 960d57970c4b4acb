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
    ("https://user@printer.local:8080/", true),
])
func privateHostsAreKnown(_ url: String, _ isPrivate: Bool) throws {
    #expect(try LinkTarget.parse(Array(url.utf8)).get().isPrivate == isPrivate)
}

@Test func textLinksEndWhereAReaderWouldEndThem() {
    let text = Array("See (https://a.example/x_(y)), or http://b.example/z. xhttp://no".utf8)
    let found = PlainTextLinks.find(in: text).map { String(decoding: text[$0], as: UTF8.self) }
    #expect(found == ["https://a.example/x_(y)", "http://b.example/z"])
}
