/// One mail for one upstream transaction, without its content.
public struct Transaction: Sendable {
    /// The sender.
    public var reversePath: ReversePath
    /// The recipients; at least one.
    public var recipients: [ForwardPath]
    /// Octets of the content, for SIZE.
    public var octets: Int
    /// Whether the content has octets above 127.
    public var isEightBit: Bool
    /// Whether SMTPUTF8 is needed.
    public var needsSMTPUTF8: Bool

    /// A transaction with all its parts.
    public init(
        reversePath: ReversePath, recipients: [ForwardPath], octets: Int, isEightBit: Bool = false,
        needsSMTPUTF8: Bool = false
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.octets = octets
        self.isEightBit = isEightBit
        self.needsSMTPUTF8 = needsSMTPUTF8
    }
}
