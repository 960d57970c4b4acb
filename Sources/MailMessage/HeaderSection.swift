/// One header field by its ranges in the message (RFC 5322 §2.2).
public struct HeaderField: Sendable, Equatable {
    /// The field with its final line end.
    public let whole: Range<Int>
    /// The name in front of the colon.
    public let name: Range<Int>
    /// What follows the colon, folding included, without the final line end.
    public let body: Range<Int>
}

/// What is wrong with a header section that can be read all the same.
public enum HeaderDefect: Sendable, Equatable {
    /// A line that is no field ended the header without an empty line.
    case missingSeparator(offset: Int)
    /// A first line that starts with a blank continues nothing.
    case leadingContinuation(offset: Int)
    /// An mbox `From ` line in front.
    case mailboxLine
    /// The continuation of a base64 value without its leading blank (Python 2 `encodestring`).
    case looseContinuation(offset: Int)
}

/// A header beyond its limits.
public enum HeaderLimitExceeded: Error, Sendable, Equatable {
    /// More octets than the limit.
    case octets(limit: Int)
    /// More fields than the limit.
    case fields(limit: Int)
}

/// Limits of a header section.
public struct HeaderLimits: Sendable {
    /// Octets of the whole section; 256 KiB by default.
    public var octets: Int
    /// Fields; 1,000 by default.
    public var fields: Int

    /// Limits of the top-level header by default.
    public init(octets: Int = 256 << 10, fields: Int = 1_000) {
        self.octets = octets
        self.fields = fields
    }

    /// 256 KiB and 1,000 fields.
    public static let `default` = HeaderLimits()
}

/// The header of a message or part: ranges of its fields, and where the body starts.
public struct HeaderSection: Sendable, Equatable {
    /// Fields in their order.
    public private(set) var fields: [HeaderField] = []
    /// The section without the empty line behind it.
    public private(set) var range: Range<Int>
    /// First octet of the body.
    public private(set) var bodyStart: Int
    /// What was wrong.
    public private(set) var defects: [HeaderDefect] = []

    /// Reads the header that starts a part.
    /// - Parameter looseBase64Continuation: names of fields whose value may go on in a line of nothing but base64
    ///   characters. QUIRK: RFC 5322 §2.2.3 wants a blank there; Python 2 `encodestring` does not write it.
    /// - Throws: ``HeaderLimitExceeded``
    public static func parse(
        _ message: [UInt8], in range: Range<Int>, limits: HeaderLimits = .default,
        looseBase64Continuation: [String] = []
    ) throws(HeaderLimitExceeded) -> HeaderSection {
        try scan(message, in: range, loose: looseBase64Continuation) { (octets, fields) throws(HeaderLimitExceeded) in
            guard octets <= limits.octets else { throw .octets(limit: limits.octets) }
            guard fields <= limits.fields else { throw .fields(limit: limits.fields) }
        }
    }

    /// Reads the header of a message that was accepted, however long it is: what must be taken out of it is found.
    public static func parseAll(_ message: [UInt8], looseBase64Continuation: [String] = []) -> HeaderSection {
        scan(message, in: message.indices, loose: looseBase64Continuation) { (_, _) throws(Never) in }
    }

    /// - Parameter check: is asked with the octets and fields so far.
    private static func scan<Excess>(
        _ message: [UInt8], in range: Range<Int>, loose: [String], check: (Int, Int) throws(Excess) -> Void
    ) throws(Excess) -> HeaderSection {
        var section = HeaderSection(range: range.lowerBound..<range.lowerBound, bodyStart: range.lowerBound)
        var position = range.lowerBound
        while position < range.upperBound {
            let line = Line(at: position, in: message, before: range.upperBound)
            if line.content.isEmpty {
                section.finish(at: position, bodyStart: line.end)
                return section
            }
            try check(line.end - range.lowerBound, section.fields.count)
            guard section.take(line, of: message, loose: loose) else {
                section.defects.append(.missingSeparator(offset: position))
                section.finish(at: position, bodyStart: position)
                return section
            }
            try check(line.end - range.lowerBound, section.fields.count)
            position = line.end
        }
        section.finish(at: position, bodyStart: position)
        return section
    }

    private mutating func finish(at end: Int, bodyStart: Int) {
        range = range.lowerBound..<end
        self.bodyStart = bodyStart
    }

    /// Takes a line as a field or as part of the one before; `false` when it is neither.
    private mutating func take(_ line: Line, of message: [UInt8], loose: [String]) -> Bool {
        let start = line.content.lowerBound
        if ASCII.isBlank(message[start]) {
            guard extendLast(to: line) else {
                defects.append(.leadingContinuation(offset: start))
                return false
            }
            return true
        }
        if let name = Self.fieldName(line.content, in: message) {
            fields.append(
                HeaderField(
                    whole: start..<line.end, name: name.name, body: name.bodyStart..<line.content.upperBound))
            return true
        }
        if start == range.lowerBound, message[line.content].starts(with: "From ".utf8) {
            defects.append(.mailboxLine)
            return true
        }
        guard let last = fields.last, loose.contains(where: { ASCII.equals(message[last.name], $0) }),
            // A delimiter is no base64.
            !message[line.content].starts(with: "--".utf8), message[line.content].allSatisfy(Base64.isAlphabetByte),
            extendLast(to: line)
        else { return false }
        defects.append(.looseContinuation(offset: start))
        return true
    }

    private mutating func extendLast(to line: Line) -> Bool {
        guard let last = fields.popLast() else { return false }
        fields.append(
            HeaderField(
                whole: last.whole.lowerBound..<line.end, name: last.name,
                body: last.body.lowerBound..<line.content.upperBound))
        return true
    }

    /// RFC 5322 §2.2: printable characters but the colon. QUIRK: blanks in front of the colon (§4.5); octets above 127, for
    /// which other readers end the header: what a relay adds stands in front of them.
    static func fieldName(_ line: Range<Int>, in message: [UInt8]) -> (name: Range<Int>, bodyStart: Int)? {
        var index = line.lowerBound
        while index < line.upperBound, message[index] > 0x20, message[index] != 0x7F,
            message[index] != UInt8(ascii: ":")
        {
            index += 1
        }
        let nameEnd = index
        while index < line.upperBound, ASCII.isBlank(message[index]) { index += 1 }
        guard nameEnd > line.lowerBound, index < line.upperBound, message[index] == UInt8(ascii: ":") else {
            return nil
        }
        return (line.lowerBound..<nameEnd, index + 1)
    }

    /// The first field of that name, whatever its case.
    public func first(_ name: String, in message: [UInt8]) -> HeaderField? {
        fields.first { ASCII.equals(message[$0.name], name) }
    }

    /// All fields of that name, whatever their case.
    public func all(_ name: String, in message: [UInt8]) -> [HeaderField] {
        fields.filter { ASCII.equals(message[$0.name], name) }
    }

    /// A field's body with its line ends removed (RFC 5322 §2.2.3) and trimmed.
    public static func unfolded(_ body: Range<Int>, in message: [UInt8]) -> [UInt8] {
        Array(ASCII.trimmed(message[body].filter { $0 != ASCII.cr && $0 != ASCII.lf }[...]))
    }
}
