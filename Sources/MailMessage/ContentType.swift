/// A media type with its parameters (RFC 2045 §5).
public struct ContentType: Sendable, Equatable {
    /// Top-level type in lower case.
    public let type: String
    /// Subtype in lower case.
    public let subtype: String
    /// Parameters in their order.
    public let parameters: [Parameter]
    /// Where `type/subtype` ends in the message; `nil` for a default that stands nowhere.
    let mediaTypeEnd: Int?

    /// RFC 2045 §5.2.
    public static let textPlain = ContentType(type: "text", subtype: "plain", parameters: [], mediaTypeEnd: nil)
    /// RFC 2046 §5.1.5: what parts of a digest are.
    static let messageRFC822 = ContentType(type: "message", subtype: "rfc822", parameters: [], mediaTypeEnd: nil)

    private init(type: String, subtype: String, parameters: [Parameter], mediaTypeEnd: Int?) {
        self.type = type
        self.subtype = subtype
        self.parameters = parameters
        self.mediaTypeEnd = mediaTypeEnd
    }

    /// Reads a field body; `nil` when there is no `type/subtype` in it.
    init?(_ message: [UInt8], in body: Range<Int>, limits: MIMELimits) throws(MIMELimitExceeded) {
        var index = body.lowerBound
        func skipBlanks() { index = ParameterParser.skippingFiller(message, index..<body.upperBound) }
        func token() -> String {
            let start = index
            while index < body.upperBound, ASCII.isTokenByte(message[index]) { index += 1 }
            return String(decoding: message[start..<index].map(ASCII.lowercased), as: UTF8.self)
        }
        skipBlanks()
        let type = token()
        skipBlanks()
        guard !type.isEmpty, index < body.upperBound, message[index] == UInt8(ascii: "/") else { return nil }
        index += 1
        skipBlanks()
        let subtype = token()
        guard !subtype.isEmpty else { return nil }
        var parser = ParameterParser(message, in: index..<body.upperBound)
        let parameters = try parser.parse(limit: limits.parameters)
        self.init(type: type, subtype: subtype, parameters: parameters, mediaTypeEnd: index)
    }

    /// Whether it is this type.
    public func `is`(_ type: String, _ subtype: String) -> Bool { self.type == type && self.subtype == subtype }

    /// Whether it is any multipart.
    public var isMultipart: Bool { type == "multipart" }

    /// A parameter's decoded value by its lower-case name.
    public func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
}

/// Content-Transfer-Encoding (RFC 2045 §6).
public enum TransferEncoding: String, Sendable {
    /// `7bit`, also when there is no field.
    case sevenBit = "7bit"
    /// `8bit`.
    case eightBit = "8bit"
    /// `binary`.
    case binary
    /// `quoted-printable`.
    case quotedPrintable = "quoted-printable"
    /// `base64`.
    case base64
    /// Anything else.
    case unknown
}

/// Content-Disposition (RFC 2183).
public struct ContentDisposition: Sendable, Equatable {
    /// `inline`, `attachment` or another word, in lower case.
    public let kind: String
    /// Parameters in their order.
    public let parameters: [Parameter]

    /// Whether it is `attachment`; RFC 2183 §2.8 reads unknown words so too.
    public var isAttachment: Bool { kind != "inline" }

    init?(_ message: [UInt8], in body: Range<Int>, limits: MIMELimits) throws(MIMELimitExceeded) {
        let start = ParameterParser.skippingFiller(message, body)
        let word = message[start..<body.upperBound].prefix(while: ASCII.isTokenByte)
        guard !word.isEmpty else { return nil }
        kind = String(decoding: word.map(ASCII.lowercased), as: UTF8.self)
        var parser = ParameterParser(message, in: word.endIndex..<body.upperBound)
        parameters = try parser.parse(limit: limits.parameters)
    }
}
