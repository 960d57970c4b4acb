import SMTPProtocol
import Testing

private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
    }
}

private func frame(_ wire: [UInt8], _ policy: BareNewlinePolicy, pieces: [Int], limit: Int = 1_000_000) -> (
    content: [UInt8], end: ContentEnd?, used: Int
) {
    var framer = DataFramer(bareNewlines: policy, maximumOctets: limit)
    var content: [UInt8] = []
    var used = 0
    for size in pieces where framer.end == nil {
        used += framer.consume(wire[used..<min(wire.count, used + size)], into: &content)
    }
    return (content, framer.end, used)
}

/// relay.md §6: none of these ends the data; exactly one message either way.
@Test(arguments: [
    "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r.\n", "\n.\r", "\r\n\0.\r\n", "\r\n.\0\r\n",
])
func smugglingVectorsNeverEndTheData(_ vector: String) {
    let wire = Array("Subject: a\r\n\r\nx\(vector)MAIL FROM:<b@c>\r\n.\r\nQUIT\r\n".utf8)
    for policy in [BareNewlinePolicy.normalize, .reject] {
        let whole = frame(wire, policy, pieces: [wire.count])
        let bytewise = frame(wire, policy, pieces: Array(repeating: 1, count: wire.count))
        #expect(whole.used == wire.count - 6 && bytewise.used == whole.used)
        #expect(whole.content == bytewise.content && whole.end == bytewise.end)
        #expect(String(decoding: whole.content, as: UTF8.self).contains("MAIL FROM:<b@c>"))
        let hasBare = !vector.contains("\0")
        #expect(whole.end == (policy == .reject && hasBare ? .bareNewline : .complete))
    }
}

@Test func stuffedContentComesBackAtRandomSplits() {
    var generator = Seeded(state: 20_261_123)
    let alphabet: [UInt8] = [0x2E, 0x61, 0x0D, 0x0A]
    for _ in 0..<300 {
        var content: [UInt8] = []
        for _ in 0..<Int.random(in: 0...30, using: &generator) {
            let byte = alphabet[Int.random(in: 0..<4, using: &generator)]
            content += byte < 0x20 ? [0x0D, 0x0A] : [byte]
        }
        content += [0x0D, 0x0A]
        var stuffer = DotStuffer()
        var wire: [UInt8] = []
        let cut = Int.random(in: 0...content.count, using: &generator)
        stuffer.stuff(content[..<cut], into: &wire)
        stuffer.stuff(content[cut...], into: &wire)
        stuffer.finish(into: &wire)
        let pieces = (0..<wire.count).map { _ in Int.random(in: 1...5, using: &generator) }
        let framed = frame(wire, .reject, pieces: pieces)
        #expect(framed.content == content && framed.end == .complete && framed.used == wire.count, "\(content)")
    }
}

@Test func contentBeyondTheLimitIsSwallowedNotKept() {
    let wire = Array("aaaaaaaaaa\r\nb\r\n.\r\n".utf8)
    let framed = frame(wire, .reject, pieces: [wire.count], limit: 5)
    #expect(framed.end == .tooBig && framed.content.count <= 5 && framed.used == wire.count)
}
