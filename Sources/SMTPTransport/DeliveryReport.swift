public import SMTPProtocol

/// What an attempt came to.
public struct DeliveryReport: Sendable {
    /// The end of it.
    public enum Outcome: Sendable {
        /// The upstream has spoken on each recipient.
        case answered([RecipientReply])
        /// Nothing was taken over.
        case failed(UpstreamFailure)
        /// The upstream does not take 8-bit content (no 8BITMIME): nothing was sent, and the connection stands.
        case needsSevenBit
        /// The content went out whole, and then the connection was lost: the upstream may have it or not.
        case uncertain(UpstreamFailure)
    }

    /// The end of it.
    public var outcome: Outcome
    /// Version and cipher of TLS.
    public var tls: String?
    /// Days until the upstream's certificate ends.
    public var certificateDaysLeft: Int?
    /// Time for the connection, where one was made.
    public var setup: Duration = .zero
    /// Time from MAIL to the last reply.
    public var transmission: Duration = .zero

    /// A report without times.
    public init(outcome: Outcome) { self.outcome = outcome }
}
