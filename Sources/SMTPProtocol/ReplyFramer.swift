/// Cuts replies out of what a server sends, the same however it was split; hostile servers meet the limits.
public struct ReplyFramer: Sendable {
    /// Why a server's words are no reply.
    public enum Violation: Error, Sendable, Hashable {
        case lineTooLong, tooManyLines, notAReply(String)

        /// The violation in words.
        public var sentence: String {
            switch self {
            case .lineTooLong: "a reply line exceeds \(SMTPLimits.replyLineReadOctets) octets"
            case .tooManyLines: "a reply has more than \(SMTPLimits.replyLines) lines"
            case .notAReply(let line): "not a reply: \"\(line)\""
            }
        }
    }

    private var partial: [UInt8] = []
    private var code: Int?
    private var enhanced: EnhancedStatusCode?
    private var lines: [String] = []

    /// A framer at the start of a reply.
    public init() {}

    /// Takes bytes up to the end of one reply.
    /// - Returns: how many bytes were taken, and the reply if it has ended.
    /// - Throws: ``Violation``; the connection is of no more use.
    public mutating func consume(_ input: ArraySlice<UInt8>) throws(Violation) -> (consumed: Int, reply: Reply?) {
        var rest = input
        while let end = rest.firstIndex(of: 0x0A) {
            guard partial.count + (end - rest.startIndex) <= SMTPLimits.replyLineReadOctets else {
                throw .lineTooLong
            }
            partial.append(contentsOf: rest[..<end])
            rest = rest[(end + 1)...]
            if partial.last == 0x0D { partial.removeLast() }
            defer { partial.removeAll(keepingCapacity: true) }
            if let reply = try take(partial) { return (input.count - rest.count, reply) }
        }
        guard partial.count + rest.count <= SMTPLimits.replyLineReadOctets else { throw .lineTooLong }
        partial.append(contentsOf: rest)
        return (input.count, nil)
    }

    private mutating func take(_ line: [UInt8]) throws(Violation) -> Reply? {
        let digits = line.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ 0x30...0x39 ~= $0 }),
            let value = Int(String(decoding: digits, as: UTF8.self)),
            200...599 ~= value, code == nil || code == value
        else { throw .notAReply(EscapedText.escape(line, limit: 80)) }
        let separator = line.count > 3 ? line[3] : 0x20
        guard separator == 0x20 || separator == 0x2D else { throw .notAReply(EscapedText.escape(line, limit: 80)) }
        guard lines.count < SMTPLimits.replyLines else { throw .tooManyLines }
        code = value
        lines.append(text(line.dropFirst(4), of: value))
        guard separator == 0x20 else { return nil }
        defer {
            code = nil
            enhanced = nil
            lines = []
        }
        return Reply(value, enhanced, lines)
    }

    /// The line's text without its enhanced code (RFC 2034 §4), which must agree with the code's first digit.
    private mutating func text(_ bytes: ArraySlice<UInt8>, of code: Int) -> String {
        let word = bytes.prefix { $0 != 0x20 }
        if word.count <= 11, let status = EnhancedStatusCode(String(decoding: word, as: UTF8.self)),
            status.statusClass == code / 100
        {
            if enhanced == nil { enhanced = status }
            return EscapedText.escape(bytes.dropFirst(word.count + 1))
        }
        return EscapedText.escape(bytes)
    }
}
