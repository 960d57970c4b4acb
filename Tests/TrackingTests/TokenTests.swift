import Testing
import Tracking

/// Not a MAC: a keyed checksum, enough to see which bytes are covered.
private struct Checksum: TokenAuthenticating {
    let secret: [UInt8]
    func authenticationCode(for bytes: [UInt8]) -> [UInt8] {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        var code: [UInt8] = []
        for round in 0..<32 {
            for byte in secret + bytes + [UInt8(round)] { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
            code.append(UInt8(truncatingIfNeeded: state >> 32))
        }
        return code
    }
}

private func makeCodec() throws -> TokenCodec {
    var ring = KeyRing(keys: [])
    _ = ring.add(secret: [UInt8](repeating: 7, count: 32), created: 1)
    return try #require(TokenCodec(ring: ring) { Checksum(secret: $0) })
}

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
