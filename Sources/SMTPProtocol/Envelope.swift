/// `BODY=` (RFC 6152).
public enum BodyType: String, Sendable {
    /// Lines of US-ASCII.
    case sevenBit = "7BIT"
    /// Lines of octets.
    case eightBitMIME = "8BITMIME"
}

/// Parameters of MAIL.
public struct MailParameters: Sendable, Hashable {
    /// `SIZE=` in octets (RFC 1870).
    public var size: Int?
    /// `BODY=`.
    public var body: BodyType?
    /// `SMTPUTF8` (RFC 6531).
    public var smtpUTF8 = false

    /// No parameters.
    public init() {}
}

/// Who sends to whom, and how.
public struct Envelope: Sendable, Hashable {
    /// The sender.
    public var reversePath: ReversePath
    /// The recipients, in the order they were given.
    public var recipients: [ForwardPath] = []
    /// Parameters of MAIL.
    public var parameters: MailParameters

    /// An envelope without recipients.
    public init(reversePath: ReversePath, parameters: MailParameters = MailParameters()) {
        self.reversePath = reversePath
        self.parameters = parameters
    }
}
