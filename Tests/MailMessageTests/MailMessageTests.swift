import MailMessage
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

@Test func spliceListWithoutEditsIsTheIdentity() throws {
    let original = bytes("From: a\r\n\r\nbody")
    #expect(SpliceList().applied(to: original) == original)
    var list = SpliceList()
    try list.add(Splice(range: 6..<7, replacement: bytes("b")))
    try list.insert(bytes("X: 1\r\n"), at: 0)
    #expect(text(list.applied(to: original)) == "X: 1\r\nFrom: b\r\n\r\nbody")
    #expect(throws: SpliceOverlap.self) { try list.add(Splice(range: 5..<8, replacement: [])) }
}

@Test(arguments: ["", "plain", "a=b\r\n", "tail \r\nx\t\r\n", ".dot\r\nFrom me\r\n--b\r\n", "中文内容".description])
func quotedPrintableComesBack(_ sample: String) {
    let long = String(repeating: sample, count: 40)
    for content in [sample, long] {
        let encoded = QuotedPrintable.encode(bytes(content))
        #expect(text(QuotedPrintable.decode(encoded, in: encoded.indices).bytes) == content)
        for line in text(encoded).split(separator: "\r\n") {
            #expect(line.utf8.count <= 76 && !line.hasPrefix(".") && !line.hasPrefix("--") && !line.hasPrefix("From "))
        }
    }
}

@Test func removalsThatShareOctetsDoNotCollide() {
    let edits = SpliceList(inserting: bytes("X"), at: 1, removing: [4..<6, 0..<3, 5..<7, 4..<5, 9..<9])
    #expect(edits.applied(to: bytes("0123456789")) == bytes("0X3789"))
}

@Test func base64ComesBackAndItsURLFormIsCanonical() {
    for count in 0..<70 {
        let sample = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let encoded = Base64.encode(sample)
        #expect(Base64.decode(encoded, in: encoded.indices).bytes == sample)
        #expect(Base64.decodeURL(Base64.encodeURL(sample)) == sample)
    }
    #expect(Base64.decodeURL(bytes("AB")) == nil)
    #expect(Base64.decodeURL(bytes("A+")) == nil)
}

@Test(
    arguments: [
        ("gbk", [0xD6, 0xD0, 0xCE, 0xC4], "中文"), ("shift_jis", [0x93, 0xFA, 0x96, 0x7B], "日本"),
        ("iso-8859-1", [0x80, 0xE9], "€é"), ("koi8-r", [0xC1], "а"), ("utf-16", [0xFE, 0xFF, 0, 0x41], "A"),
        ("utf-7", [0x2B, 0x41, 0x4F, 0x6B, 0x2D], "é"),
    ] as [(String, [UInt8], String)])
func charsetsDecode(_ label: String, _ content: [UInt8], _ expected: String) throws {
    let charset = try #require(Charset(label: label))
    #expect(text(try charset.decodeToUTF8(content)) == expected)
}

@Test func charsetsAreStrict() throws {
    #expect(throws: CharsetError.self) { try Charset.utf8.decodeToUTF8([0x41, 0xC3]) }
    let gbk = try #require(Charset(label: "GBK"))
    #expect(throws: CharsetError.self) { try gbk.decodeToUTF8([0x41, 0xFF]) }
}

@Test func encodedWordsDecode() {
    #expect(text(EncodedWord.decode(bytes("=?utf-8?q?a_=C3=A9?= =?gbk?B?1tA=?= x =?bad"))) == "a é中 x =?bad")
}

/// The vendor's Python sample: a container labelled quoted-printable around a base64 leaf.
@Test func vendorPythonSampleIsReadByItsLeaf() throws {
    let message = bytes(
        "Content-Type: multipart/alternative; boundary=\"b\"\r\nMIME-Version: 1.0\r\n"
            + "Content-Transfer-Encoding: quoted-printable\r\n\r\npreamble\r\n--b\r\n"
            + "Content-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGk8L2I+\r\n"
            + "--b--\r\nepilogue")
    let tree = try MIMETree.parse(message)
    #expect(tree.parts.count == 2)
    #expect(tree.parts[0].defects.contains(.illegalEncodingOnMultipart))
    let leaf = tree.parts[1]
    #expect(text(Base64.decode(message, in: leaf.body).bytes) == "<b>hi</b>")
    var list = SpliceList()
    for splice in leaf.splicesLabelling(charset: "UTF-8", encoding: "quoted-printable", in: message) {
        try list.add(splice)
    }
    for splice in tree.parts[0].splicesNeutralisingEncodingLabel(in: message) { try list.add(splice) }
    let result = text(list.applied(to: message))
    #expect(result.contains("charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"))
    #expect(result.contains("Content-Transfer-Encoding: 7bit\r\n\r\npreamble"))
    #expect(result.hasSuffix("--b--\r\nepilogue"))
}

@Test func unclosedAndNestedMultipartsEndAtTheOuterDelimiter() throws {
    let message = bytes(
        "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/related; boundary=o1\r\n\r\n"
            + "--o1\r\n\r\ninner\r\n--o\r\n\r\nouter\r\n--o--\r\n")
    let tree = try MIMETree.parse(message)
    #expect(tree.parts.map { $0.depth } == [0, 1, 2, 1])
    #expect(text(Array(message[tree.parts[2].body])) == "inner")
    #expect(text(Array(message[tree.parts[3].body])) == "outer")
    #expect(tree.parts[1].defects.contains(.missingFinalBoundary))
}

@Test func mutilatedMessagesNeverTrap() throws {
    let message = bytes(
        "A: b\r\n c\r\nContent-Type: multipart/mixed; boundary*0=x; boundary*1=\"y\\\"\"\r\n\r\n--xy\"\r\n\r\nz\r\n--xy\"--"
    )
    for end in 0...message.count { _ = try MIMETree.parse(Array(message[..<end])) }
    for index in message.indices {
        for byte: UInt8 in [0, 0x0A, 0x0D, 0x22, 0x2D, 0x3D, 0xFF] {
            var mutated = message
            mutated[index] = byte
            _ = try MIMETree.parse(mutated)
        }
    }
}

@Test func pythonTwoTraceValueGoesOnWithoutABlank() throws {
    let message = bytes("X-AliDM-Trace: eyJ\r\nUYWc=\r\nTo: a\r\n\r\nx")
    let header = try HeaderSection.parse(message, in: message.indices, looseBase64Continuation: ["X-AliDM-Trace"])
    let field = try #require(header.first("x-alidm-trace", in: message))
    #expect(text(HeaderSection.unfolded(field.body, in: message)) == "eyJUYWc=")
    #expect(header.fields.count == 2)
}
