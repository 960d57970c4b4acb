import Testing
import Tracking

/// The same three lines as every editor writes them.
private let ends = ["\n", "\r\n", "\r"]

@Test(arguments: ends, [true, false])
func linesEndAsAnyEditorEndsThem(_ end: String, _ isMarked: Bool) {
    let text = (isMarked ? "\u{FEFF}" : "") + ["# why", "  one two\t", "", "three"].joined(separator: end)
    for tail in ["", end] {
        let lines = TextLines.entries((text + tail).utf8)
        #expect(lines.map(\.text) == ["one two", "three"])
        #expect(lines.map(\.number) == [2, 4])
        #expect(lines.first?.words == ["one", "two"])
        #expect(TextLines.all((text + tail).utf8).count == 4)
    }
}

@Test func aLineIsSplitByOctetsNotCharacters() {
    // A combining mark behind a blank or a line end makes one Character with it.
    let lines = TextLines.entries("a \u{301}b\n\u{301}c".utf8)
    #expect(lines.map(\.words) == [["a", "\u{301}b"], ["\u{301}c"]])
    #expect(TextLines.all([]).isEmpty && TextLines.all("\r\n".utf8).count == 1)
}

@Test(arguments: ends)
func listsAreReadWhateverEndsTheirLines(_ end: String) throws {
    let address = "ann@c.example", digest = String(repeating: "0a", count: 32)
    let deny = try DenyList(parsing: ["# who asked", "ANN@c.example ", digest, ""].joined(separator: end)) {
        $0 == Array("bob@c.example".utf8) ? [UInt8](repeating: 0x0A, count: 32) : []
    }
    #expect(deny.contains(address) && deny.contains("bob@c.example") && !deny.contains("eve@c.example"))
    let block = try BlockList(parsing: ["tag a", "host *.bad.test", "key 2"].joined(separator: end))
    #expect(block.tags == ["a"])
    let id = try #require(TrackingMessageID(hexadecimal: "00112233445566778899"))
    #expect(block.blocks(message: id, key: 2, target: []))
    #expect(block.blocks(message: id, key: 1, target: Array("https://x.bad.test/".utf8)))
    let ring = KeyRing(keys: [
        TrackingKey(id: 1, secret: [UInt8](repeating: 7, count: 32), created: 5, status: .retired),
        TrackingKey(id: 2, secret: [UInt8](repeating: 8, count: 32), created: 6, status: .active),
    ])
    #expect(try KeyRing(parsing: ring.fileText.replacing("\n", with: end)) == ring)
}

/// A line that names nobody would leave whoever was meant by it tracked.
@Test(arguments: [
    "ann", "ann@c.example, bob@c.example", "<ann@c.example>", "0a0b", "@c.example", "a\0n\0@\0c\0", "ann@",
])
func aDenyListRefusesWhatIsNoAddress(_ line: String) {
    #expect(throws: BlockList.Defect.self) { try DenyList(parsing: "bob@c.example\n\(line)\n") { _ in [] } }
}
