/// One recipient of the envelope.
public struct ForwardPath: Sendable, Hashable, CustomStringConvertible {
    /// The recipient.
    public let mailbox: Mailbox

    /// A path.
    public init(_ mailbox: Mailbox) { self.mailbox = mailbox }

    /// The address.
    public var description: String { mailbox.description }
}
