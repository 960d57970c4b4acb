/// Makes a message fit for a server without 8BITMIME (RFC 6152 §3): 8-bit leaves become quoted-printable or base64; leaves
/// that are 7-bit already, header order and boundaries stay.
///
/// A label that names no encoding (`8-bit`, `utf-8`, or none at all) or one that does not fit (8-bit octets in uuencode) is no
/// fact: the octets are the content. 8-bit octets where there is none become `?`: between the parts of a multipart, and
/// in base64, whose readers skip them. Those in header fields stay: no transfer encoding reaches them.
public enum SevenBitConversion {
    /// Why a message cannot be converted.
    public enum Refusal: Error, Sendable, Equatable {
        /// A signature covers 8-bit content (RFC 1847 §2.1).
        case signed
        /// Its structure cannot be read well enough.
        case structure
    }

    /// Messages inside messages that are followed.
    private static let maximumNesting = 8

    /// The converted message; the same octets where its bodies are 7-bit.
    /// - Parameter message: as SMTP carries it: the last line is ended too.
    /// - Throws: ``Refusal``
    public static func convert(_ message: [UInt8]) throws(Refusal) -> [UInt8] {
        try convert(message, nesting: 0)
    }

    private static func convert(_ message: [UInt8], nesting: Int) throws(Refusal) -> [UInt8] {
        let bodyStart = (try? HeaderSection.parse(message, in: message.indices))?.bodyStart ?? 0
        guard ByteSearch.hasHighOctets(message, in: bodyStart..<message.count) else { return message }
        guard nesting <= maximumNesting, let tree = try? MIMETree.parse(message, limits: .afterEdits) else {
            throw .structure
        }
        var edits = SpliceList()
        let header = tree.parts[0].header
        if header.first("MIME-Version", in: message) == nil {
            // Labels mean nothing without it (RFC 2045 §4).
            let start = header.fields.first?.whole.lowerBound ?? header.range.upperBound
            try? edits.insert(Array("MIME-Version: 1.0\r\n".utf8), at: start)
        }
        var isSigned: [Bool] = []
        for part in tree.parts {
            let signed = part.parent.map { isSigned[$0] } ?? false
            isSigned.append(signed || part.contentType.is("multipart", "signed"))
            guard ByteSearch.hasHighOctets(message, in: part.body) else { continue }
            if signed { throw .signed }
            let splices =
                part.children.isEmpty ? try leaf(part, message, nesting) : container(part, of: tree, message)
            do {
                for splice in splices { try edits.add(splice) }
            } catch {
                throw .structure
            }
        }
        return try checked(edits.applied(to: message), against: tree)
    }

    /// Reads the result again: the same tree, and nothing of 8 bit in its bodies.
    private static func checked(_ output: [UInt8], against tree: MIMETree) throws(Refusal) -> [UInt8] {
        guard let after = try? MIMETree.parse(output, limits: .afterEdits), after.parts.count == tree.parts.count else {
            throw .structure
        }
        for (old, new) in zip(tree.parts, after.parts) {
            guard old.parent == new.parent, old.contentType.is(new.contentType.type, new.contentType.subtype) else {
                throw .structure
            }
            // The header fields of a message inside may have 8-bit octets, like our own.
            guard !new.contentType.is("message", "rfc822") else { continue }
            let ranges = new.children.isEmpty ? [new.body] : between(new, of: after)
            for range in ranges where ByteSearch.hasHighOctets(output, in: range) { throw .structure }
        }
        return output
    }

    /// What stands in front of, between and behind a multipart's parts, delimiters included; their header fields are none
    /// of it.
    private static func between(_ part: MIMEPart, of tree: MIMETree) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = part.body.lowerBound
        for child in part.children {
            ranges.append(start..<max(start, tree.parts[child].header.range.lowerBound))
            start = tree.parts[child].body.upperBound
        }
        return ranges + [start..<max(start, part.body.upperBound)]
    }

    /// What stands between the parts has no encoding, and nobody shows it; the label follows the parts.
    private static func container(_ part: MIMEPart, of tree: MIMETree, _ message: [UInt8]) -> [Splice] {
        let label = part.transferEncodingField.map { Splice(range: $0.body, replacement: Array(" 7bit".utf8)) }
        return (label.map { [$0] } ?? [])
            + between(part, of: tree).flatMap { replacingHighOctets(in: $0, of: message) }
    }

    /// One edit for all, since there may be as many as octets.
    private static func replacingHighOctets(in range: Range<Int>, of message: [UInt8]) -> [Splice] {
        guard ByteSearch.hasHighOctets(message, in: range) else { return [] }
        return [Splice(range: range, replacement: message[range].map { $0 < 0x80 ? $0 : UInt8(ascii: "?") })]
    }

    private static func leaf(_ part: MIMEPart, _ message: [UInt8], _ nesting: Int) throws(Refusal) -> [Splice] {
        if part.contentType.isMultipart { throw .structure }
        if part.contentType.is("message", "rfc822"), part.hasIdentityEncoding || part.transferEncoding == .unknown {
            let inner = try convert(Array(message[part.body]), nesting: nesting + 1)
            return [Splice(range: part.body, replacement: part.framed(inner))]
                + part.splicesLabelling(charset: nil, encoding: "7bit", in: message)
        }
        // What is outside the alphabet is no content; decoded, what stands behind it could be lost.
        if part.transferEncoding == .base64 { return replacingHighOctets(in: part.body, of: message) }
        let content = part.decodedBody(in: message)?.bytes ?? Array(message[part.body])
        let isText = part.contentType.type == "text" && !content.contains(0)
        var body = isText ? QuotedPrintable.encode(content) : Base64.encode(content)
        let endsMessage = part.body.upperBound == message.count
        if isText, endsMessage, body.last.map({ $0 != ASCII.lf }) ?? false { body += "=\r\n".utf8 }
        if !isText, !endsMessage { body.removeLast(min(2, body.count)) }
        return [Splice(range: part.body, replacement: part.framed(body))]
            + part.splicesLabelling(
                charset: nil, encoding: isText ? "quoted-printable" : "base64", in: message)
    }
}
