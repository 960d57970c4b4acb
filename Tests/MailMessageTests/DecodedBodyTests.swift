import MailMessage
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

private func body(_ encoding: String, _ content: String) throws -> DecodedBody? {
    let message = bytes("Content-Type: text/html\nContent-Transfer-Encoding: \(encoding)\n\n\(content)")
    return try MIMETree.parse(message).parts[0].decodedBody(in: message)
}

@Test(arguments: [
    ("PGI+aGk8L2I+\n", "<b>hi</b>"), ("PGI+aG\nk8L2I+", "<b>hi</b>"), (" PGI+ aGk8 \n\tL2I+ \n\n", "<b>hi</b>"),
    ("PGI+aGk=\n", "<b>hi"), ("PGI+aGk", "<b>hi"), ("PGI+aA=\n", "<b>h"), ("PGI+aA==\n==\n", "<b>h"),
    ("PGI+aB==\n", "<b>h"), ("", ""), ("=", ""),
])
func base64WithoutDoubts(_ content: String, _ text: String) throws {
    let decoded = try #require(try body("base64", content))
    #expect(!decoded.isDoubtful && decoded.bytes == Array(text.utf8))
}

@Test(arguments: [
    "PGI+aGk=\n\n____\nThis message was scanned\n", "PGI+aGk=\nscanned\n", "PGI+aGk=x", "PGI+aGk=\nPGI+aGk=\n",
    "PGI+aA==\nPGI+\n", "PGI+aGk8L2I+\n-- \nfooter\n", "PGI+aGk8L2I+\n----boundary\n", "PGI+aGk8L2I+\n\0", "PGI-aGk_",
    "PGI+a", "PGI+a===", "PGI+aGk8=PGI+", "=PGI+", "PGI+é",
])
func doubtsOfBase64AreTold(_ content: String) throws {
    #expect(try #require(try body("base64", content)).isDoubtful)
}

/// What an encoder makes of what was decoded is the whole of the body, or there is a doubt: for all short bodies of these
/// characters, whatever the decoder says.
@Test func base64IsReadBackByOtherEyes() {
    let characters = Array("AQ= \u{E9}-".unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    for number in 0..<279_936 {
        var (rest, content) = (number, [UInt8]())
        for _ in 0..<7 {
            content.append(characters[rest % 6])
            rest /= 6
        }
        let (decoded, defects) = Base64.decode(content, in: content.indices)
        guard !defects.isDoubtful || !Base64.holds(decoded, in: content, content.indices) else {
            Issue.record("the second look finds what the first one doubts: \(content)")
            return
        }
        guard defects.isDoubtful || Base64.holds(decoded, in: content, content.indices) else {
            Issue.record("the first look doubts nothing of \(content)")
            return
        }
    }
    #expect(!Base64.holds([0x61], in: Array("YWE=".utf8), 0..<4))
    #expect(!Base64.holds([0x61, 0x61, 0x61], in: Array("YWJh".utf8), 0..<4))
}

/// Each character of a body of some lines, changed, doubled, left out, or with something put in front of it.
@Test func base64IsReadBackCharacterByCharacter() {
    let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let whole = Base64.encode(bytes)
    func holds(_ body: [UInt8]) -> Bool { Base64.holds(bytes, in: body, body.indices) }
    #expect(holds(whole))
    let end = whole.firstIndex(of: UInt8(ascii: "=")) ?? whole.count
    for index in whole.indices where index < end {
        let isData = whole[index] > 0x20
        var body = whole
        body.replaceSubrange(index..<index, with: Array("\r\n \t".utf8))
        #expect(holds(body), "white space in front of \(index)")
        body = whole
        body.insert(UInt8(ascii: "="), at: index)
        #expect(!holds(body), "padding in front of \(index)")
        guard isData else { continue }
        body = whole
        body[index] = body[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        // The last group holds bits that mean nothing.
        if index < end - 3 { #expect(!holds(body), "another character at \(index)") }
        body.remove(at: index)
        #expect(!holds(body), "none at \(index)")
        body = whole
        body.insert(body[index], at: index)
        #expect(!holds(body), "two at \(index)")
    }
}

@Test func quotedPrintableLeavesNoDoubt() throws {
    for content in ["a=3D", "=ZZ =", "a =\nb", "href=x?a=b", "=e9"] {
        #expect(try #require(try body("quoted-printable", content)).isDoubtful == false)
    }
}

@Test func labelsThatNobodyObeysHideNoASCII() throws {
    for label in ["8-bit", "7-bit", "8bits", "8 bit", "utf-8", "", "none", "\"7bit\"", "x-klingon"] {
        #expect(try body(label, "<b>plain</b>\n")?.bytes == bytes("<b>plain</b>\n"), "\(label)")
        #expect(try label.isEmpty || body(label, "<b>é</b>\n") == nil, "\(label)")
        #expect(try body(label, "<b>\u{1B}$B</b>\n") == nil || label.isEmpty, "\(label)")
    }
    for label in [
        "x-uuencode", "uue", "base-64", "\"base64\"", "quoted printable", "x-gzip64", "mac-binhex40", "x-yenc",
    ] {
        #expect(try body(label, "<b>plain</b>\n") == nil, "\(label)")
    }
}
