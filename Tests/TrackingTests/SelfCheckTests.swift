import MailMessage
import Testing

@testable import Tracking

private let message = Array(
    "MIME-Version: 1.0\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>x</p>\r\n"
        .utf8)

/// A rewriting with nothing to track, whose edits are given; `nil` where the check finds nothing wrong.
private func objection(to makeEdits: (MIMEPart, _ body: [UInt8]) -> [Splice]) throws -> PassThroughReason? {
    let tree = try MIMETree.parse(message)
    let part = tree.parts[0]
    let text = try PartText.decode(part, of: message, keepCharset: false).get()
    let tokens = TokenURLs(
        codec: try makeCodec(), key: 1, baseURL: try BaseURL("https://t.example.com"),
        message: try #require(TrackingMessageID(bytes: Array(0..<10))))
    var check = SelfCheck(original: message, tree: tree, tokens: tokens, recipient: 0)
    let body = QuotedPrintable.encode(text.bytes)
    var edits = SpliceList()
    for splice in makeEdits(part, body) { try edits.add(splice) }
    do {
        try check.verify(
            PreparedPart(index: 0, text: text, isHTML: true), edited: text.bytes, content: text.bytes, body: body)
        try check.verify(edits)
    } catch {
        return error.reason
    }
    return nil
}

/// Labels that are wrong, or read in two ways, never go out, whatever made them so.
@Test func theSelfCheckReadsTheLabelsBack() throws {
    let encoding = "quoted-printable"
    #expect(
        try objection { part, body in
            part.splicesLabelling(charset: "UTF-8", encoding: encoding, in: message)
                + [Splice(range: part.body, replacement: body)]
        } == nil)
    // The old charset stays, the old encoding stays, and a label that only some readers see.
    #expect(
        try objection { part, body in
            part.splicesLabelling(charset: nil, encoding: encoding, in: message)
                + [Splice(range: part.body, replacement: body)]
        } == .selfCheckFailed)
    #expect(
        try objection { part, body in
            part.splicesLabelling(charset: "UTF-8", encoding: "8bit", in: message)
                + [Splice(range: part.body, replacement: body)]
        } == .selfCheckFailed)
    #expect(
        try objection { part, body in
            let field = part.contentTypeField?.body ?? 0..<0
            return part.splicesLabelling(charset: nil, encoding: encoding, in: message)
                + [
                    Splice(range: field, replacement: Array(" text/html; charset charset=UTF-8".utf8)),
                    Splice(range: part.body, replacement: body),
                ]
        } == .selfCheckFailed)
}

/// A body that is not the one that was checked does not go out.
@Test func theSelfCheckReadsTheBodyBack() throws {
    #expect(
        try objection { part, body in
            part.splicesLabelling(charset: "UTF-8", encoding: "quoted-printable", in: message)
                + [Splice(range: part.body, replacement: body + [0x78])]
        } == .selfCheckFailed)
}
