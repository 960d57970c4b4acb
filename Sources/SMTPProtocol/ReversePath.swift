/// The envelope's sender; no mailbox is the null path `<>` of bounces.
public struct ReversePath: Sendable, Hashable, CustomStringConvertible {
    /// The sender, or `nil` for `<>`.
    public let mailbox: Mailbox?

    /// A path.
    public init(_ mailbox: Mailbox?) { self.mailbox = mailbox }

    /// The address, empty for the null path.
    public var description: String { mailbox?.description ?? "" }
}
