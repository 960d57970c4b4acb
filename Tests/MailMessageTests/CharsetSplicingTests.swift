import Testing

@testable import MailMessage

/// Numbers that are the same in each run.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// A text in a charset, with what its characters are.
private struct Sample {
    var octets: [UInt8] = []
    /// The octets of each character, and its UTF-8.
    var characters: [(octets: [UInt8], text: [UInt8])] = []

    /// Characters that no encoder would write so included: of each code that decodes.
    init(_ charset: Charset, count: Int, _ numbers: inout Numbers) {
        while characters.count < count {
            let isPlain = Bool.random(using: &numbers)
            let length = isPlain ? 1 : Int.random(in: 1...4, using: &numbers)
            let octets = (0..<length).map { place in
                place == 0 && !isPlain
                    ? UInt8.random(in: 0x80...0xFF, using: &numbers) : UInt8.random(in: 0x20...0x7E, using: &numbers)
            }
            let high = length == 2 && Bool.random(using: &numbers) ? [octets[0], octets[1] | 0x80] : octets
            guard let text = try? charset.decodeToUTF8(high), text.count <= 4,
                String(decoding: text, as: UTF8.self).unicodeScalars.count <= 1 || high.count == 2 && high[0] == 0x88
            else { continue }
            characters.append((high, text))
            self.octets += high
        }
    }

    /// Random edits between characters: the list, and what must come out.
    func edits(_ numbers: inout Numbers) throws -> (list: SpliceList, expected: [UInt8]) {
        var list = SpliceList()
        var expected: [UInt8] = []
        var (index, offset) = (0, 0)
        while index < characters.count {
            if Int.random(in: 0..<6, using: &numbers) == 0 {
                let removed = characters[index..<min(index + Int.random(in: 0...3, using: &numbers), characters.count)]
                let length = removed.reduce(0) { $0 + $1.text.count }
                let replacement = Array("<img src=\"https://t.example/o/\\~\(index)\">".utf8)
                try list.add(Splice(range: offset..<offset + length, replacement: replacement))
                expected += replacement
                index += removed.count
                offset += length
                guard index < characters.count else { break }
            }
            expected += characters[index].octets
            offset += characters[index].text.count
            index += 1
        }
        return (list, expected)
    }
}

/// `charset = "keep"`: outside the edits each octet stays, whatever another encoder would have written.
@Test(arguments: CharsetLabels.table.map(\.name).filter { $0 != "utf-8" && $0 != "iso-2022-jp" })
func octetsOutsideTheEditsStay(_ name: String) throws {
    let charset = try #require(Charset(label: name))
    guard charset.canSplice else { return }
    var numbers = Numbers(state: 88_172_645_463_325_252)
    for _ in 0..<40 {
        let sample = Sample(charset, count: 60, &numbers)
        #expect(charset.splicing(SpliceList(), into: sample.octets) == sample.octets)
        let (list, expected) = try sample.edits(&numbers)
        #expect(charset.splicing(list, into: sample.octets) == expected)
    }
}

/// Text between escapes: the codes stay, the states are left and entered again, and no escape follows another one.
@Test func iso2022JPIsSplicedInItsStates() throws {
    let charset = try #require(Charset(label: "iso-2022-jp"))
    var numbers = Numbers(state: 2_463_534_242)
    let escapes: [String] = ["\u{1B}(B", "\u{1B}(J", "\u{1B}(I", "\u{1B}$B", "\u{1B}$@"]
    for _ in 0..<400 {
        var octets: [UInt8] = []
        for _ in 0..<12 {
            let escape = Int.random(in: 0..<escapes.count, using: &numbers)
            octets += escapes[escape].utf8
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                // Characters of rows 4 and 5 (kana), of which each state has all.
                octets += escape > 2 ? [0x24 + UInt8.random(in: 0...1, using: &numbers)] : []
                octets.append(UInt8.random(in: 0x21...0x5E, using: &numbers))
            }
        }
        let text = try charset.decodeToUTF8(octets)
        let starts = text.indices.filter { text[$0] & 0xC0 != 0x80 } + [text.count]
        var list = SpliceList()
        for _ in 0..<5 {
            let first = Int.random(in: 0..<starts.count, using: &numbers)
            let last = min(starts.count - 1, first + Int.random(in: 0...6, using: &numbers))
            let replacement = Array(["<a href=\"x\">", "<あ>", "~"].randomElement(using: &numbers)?.utf8 ?? "".utf8)
            try? list.add(Splice(range: starts[first]..<starts[last], replacement: replacement))
        }
        let result = try #require(charset.splicing(list, into: octets))
        #expect(try charset.decodeToUTF8(result) == list.applied(to: text))
        #expect(!hasEscapesInARow(result))
    }
}

private func hasEscapesInARow(_ octets: [UInt8]) -> Bool {
    octets.indices.contains { octets[$0] == 0x1B && $0 + 3 < octets.count && octets[$0 + 3] == 0x1B }
}

@Test func editsThatFitNowhereAreRefused() throws {
    let gbk = try #require(Charset(label: "gbk"))
    let text: [UInt8] = [0x61, 0xC4, 0xE3, 0x62]
    for range in [2..<3, 0..<3, 6..<6, 0..<9] {
        var list = SpliceList()
        try list.add(Splice(range: range, replacement: []))
        #expect(gbk.splicing(list, into: text) == nil, "\(range)")
    }
    var list = SpliceList()
    try list.insert(Array("😀".utf8), at: 1)
    #expect(gbk.splicing(list, into: text) == nil)
    #expect(try #require(Charset(label: "utf-16")).splicing(SpliceList(), into: text) == nil)
}

@Test func aByteOrderMarkStaysInFront() throws {
    var list = SpliceList()
    try list.add(Splice(range: 1..<2, replacement: Array("x".utf8)))
    for label in ["utf-8", "gbk"] {
        let charset = try #require(Charset(label: label))
        #expect(charset.splicing(list, into: Array("\u{FEFF}abc".utf8)) == Array("\u{FEFF}axc".utf8))
    }
}
