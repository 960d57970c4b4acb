import MailMessage
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }

/// What each leaf decodes to.
private func leaves(_ message: [UInt8]) throws -> [[UInt8]] {
    try MIMETree.parse(message).parts.filter { $0.children.isEmpty }.map { $0.decodedBody(in: message)?.bytes ?? [] }
}

private func isSevenBit(_ message: [UInt8]) -> Bool { !ByteSearch.hasHighOctets(message, in: message.indices) }

@Test(arguments: [
    "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGrüße\n",
    "Subject: no MIME at all\n\nGrüße, ohne Ende", "Content-Type: text/html\n\n<p>é</p>\n.\nFrom é\n",
    "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n--b\n\nplain\n--b\n"
        + "Content-Type: application/x; name=a\nContent-Transfer-Encoding: binary\n\né\u{0}è\n--b\n"
        + "Content-Type: text/plain\n\né\n--b--\n",
    "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\né=C3=A9\n",
])
func eightBitLeavesAreEncodedAndDecodeToTheSame(_ text: String) throws {
    let message = bytes(text).last == 0x0A ? bytes(text) : bytes(text) + [0x0D, 0x0A]
    let converted = try SevenBitConversion.convert(message)
    #expect(isSevenBit(converted))
    #expect(try leaves(converted) == leaves(message))
    #expect(String(decoding: converted, as: UTF8.self).contains("MIME-Version: 1.0"))
}

@Test func sevenBitMailIsLeftAlone() throws {
    let message = bytes("Subject: Grüße in the header only\n\nplain\n")
    #expect(try SevenBitConversion.convert(message) == message)
}

@Test func aMessageInsideIsConvertedInside() throws {
    let message = bytes(
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nContent-Type: text/plain\n\né\n")
    let converted = try SevenBitConversion.convert(message)
    #expect(isSevenBit(converted))
    let inner = try #require(try leaves(converted).first)
    #expect(try leaves(inner) == [bytes("é\n")])
    #expect(String(decoding: converted, as: UTF8.self).contains("Content-Transfer-Encoding: 7bit"))
}

@Test func signedContentIsNotTouched() {
    let message = bytes(
        "Content-Type: multipart/signed; boundary=b\n\n--b\nContent-Type: text/plain\n\né\n--b\n\nsignature\n--b--\n")
    #expect(throws: SevenBitConversion.Refusal.signed) { try SevenBitConversion.convert(message) }
}

/// Labels that nobody obeys, and what does not fit its label: the octets are the content, and no mail comes back for them.
@Test(arguments: ["7-bit", "8-bit", "8bits", "", "utf-8", "x-uuencode", "x-klingon"])
func oddLabelsAreNoFacts(_ label: String) throws {
    let message = bytes("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: \(label)\n\nGrüße\n")
    let converted = try SevenBitConversion.convert(message)
    #expect(isSevenBit(converted))
    #expect(try leaves(converted) == [bytes("Grüße\n")])
}

/// What is no content, and has no encoding: 8-bit octets between the parts, and in base64, where readers skip them.
@Test func octetsThatAreNoContentAreReplaced() throws {
    let message = bytes(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\nPréambule\n--b\n"
            + "Content-Transfer-Encoding: base64\n\nYWJj\n\nGrüße\n--b \n\nplain\n--b--\nÉpilogue\n")
    let converted = try SevenBitConversion.convert(message)
    let expected = String(decoding: message, as: UTF8.self).replacing("é", with: "??").replacing("ü", with: "??")
        .replacing("ß", with: "??").replacing("É", with: "??")
    #expect(String(decoding: converted, as: UTF8.self) == expected)
    let labelled = bytes(
        "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\né\n--b\nX: ü\n\né\n--b--\n")
    let text = String(decoding: try SevenBitConversion.convert(labelled), as: UTF8.self)
    #expect(text.contains("Content-Transfer-Encoding: 7bit\r\n\r\n??\r\n--b\r\nX: ü\r\n"))
    #expect(text.contains("\r\n\r\n=C3=A9\r\n--b--\r\n"))
}
