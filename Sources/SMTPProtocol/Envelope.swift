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

    /// The recipients without those named before: one mailbox gets one copy (RFC 5321 §4.5.4.1).
    public var distinctRecipients: [ForwardPath] {
        var known: Set<[UInt8]> = []
        known.reserveCapacity(recipients.count)
        return recipients.filter { known.insert($0.mailbox.identity).inserted }
    }
}
