/// Structure beyond the limits.
public enum MIMELimitExceeded: Error, Sendable, Equatable {
    /// A header section.
    case header(HeaderLimitExceeded)
    /// Multiparts inside multiparts.
    case depth(limit: Int)
    /// Parts of the message.
    case parts(limit: Int)
    /// Octets of a boundary.
    case boundary(limit: Int)
    /// Parameters of a field, each piece of one (RFC 2231 §3) for itself.
    case parameters(limit: Int)
}

/// Limits of a MIME structure.
public struct MIMELimits: Sendable {
    /// Limits of each header section.
    public var header = HeaderLimits.default
    /// Multiparts inside multiparts; 100 by default.
    public var depth = 100
    /// Parts of a message; 1,000 by default.
    public var parts = 1_000
    /// Octets of a boundary; 200 by default (RFC 2046 §5.1.1 has 70).
    public var boundary = 200
    /// Parameters of a field; 64 by default.
    public var parameters = 64

    /// The defaults.
    public init() {}

    /// For a message that was within the defaults before a relay put fields and labels in.
    public static let afterEdits: MIMELimits = {
        var limits = MIMELimits()
        limits.header.fields += 16
        limits.header.octets += 16 << 10
        limits.parameters += 2_048
        return limits
    }()
}

/// What is wrong with a part that can be read all the same.
public enum MIMEDefect: Sendable, Equatable {
    /// Its header had defects.
    case header(HeaderDefect)
    /// A field that must stand once stands more often; the first counts.
    case duplicateField(String)
    /// A Content-Type that cannot be read; text/plain is taken (RFC 2045 §5.2).
    case malformedContentType
    /// A multipart without a boundary; taken as a leaf.
    case missingBoundary
    /// A multipart whose boundary an enclosing multipart has already; taken as a leaf.
    case clashingBoundary
    /// A multipart whose closing delimiter never came.
    case missingFinalBoundary
    /// A multipart labelled with an encoding other than 7bit, 8bit or binary (RFC 2045 §6.4); the label is ignored.
    case illegalEncodingOnMultipart
}

/// One part: ranges of its header and body, and what its labels say.
public struct MIMEPart: Sendable {
    /// Place in ``MIMETree/parts``.
    public let index: Int
    /// The multipart it stands in.
    public let parent: Int?
    /// Multiparts around it.
    public let depth: Int
    /// Its header.
    public let header: HeaderSection
    /// Its content, without the line end that belongs to the delimiter behind it.
    public internal(set) var body: Range<Int>
    /// Its media type, the default where none stands or can be read.
    public let contentType: ContentType
    /// The field that says so.
    public let contentTypeField: HeaderField?
    /// How its body is encoded.
    public let transferEncoding: TransferEncoding
    /// The field that says so.
    public let transferEncodingField: HeaderField?
    /// The field that names its disposition.
    public let dispositionField: HeaderField?
    /// Its disposition.
    public let disposition: ContentDisposition?
    /// Whether the delimiter behind the body stands right at the end of the header, without a line end for the body:
    /// what is put into the body needs one behind it.
    public internal(set) var touchesDelimiter = false
    /// Parts of a multipart, in order.
    public internal(set) var children: [Int] = []
    /// What is wrong with it.
    public internal(set) var defects: [MIMEDefect]

    /// A new body as it has to stand in the message: with the empty line behind the header (RFC 5322 §2.1) and the line
    /// end in front of the delimiter (RFC 2046 §5.1.1), where the original had none.
    public func framed(_ body: [UInt8]) -> [UInt8] {
        let lineEnd = [ASCII.cr, ASCII.lf]
        let hasSeparator = header.bodyStart > header.range.upperBound
        if hasSeparator, !touchesDelimiter { return body }
        return (hasSeparator ? [] : lineEnd) + body + (touchesDelimiter ? lineEnd : [])
    }
}

/// The tree of a message's parts in pre-order; `parts[0]` is the message itself.
public struct MIMETree: Sendable {
    /// Never empty.
    public private(set) var parts: [MIMEPart]

    /// Reads a message in one pass over its lines, however deep it nests. What is inside message/rfc822 stays unread.
    /// - Throws: ``MIMELimitExceeded``
    public static func parse(_ message: [UInt8], limits: MIMELimits = MIMELimits()) throws(MIMELimitExceeded)
        -> MIMETree
    {
        var parser = MIMEParser(message, limits: limits)
        return MIMETree(parts: try parser.run())
    }
}
