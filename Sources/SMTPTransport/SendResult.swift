/// What a connection made of a mail.
struct SendResult: Sendable {
    /// The end of the mail on this connection.
    enum Ending: Sendable {
        case known(DeliveryReport.Outcome)
        /// The connection ended, or had ended, before the upstream said anything on this mail.
        case unanswered(UpstreamFailure)
    }

    let ending: Ending
    /// Whether the connection takes another mail.
    let isUsable: Bool

    init(_ ending: Ending, isUsable: Bool) {
        self.ending = ending
        self.isUsable = isUsable
    }
}
