/// What the server said about one recipient.
public struct RecipientReply: Sendable, Hashable {
    /// The reply that decided: to the end of the content where it was sent.
    public let reply: Reply
    /// Which command it answered.
    public let phase: DialoguePhase

    /// Whether the server has taken over the mail for this recipient.
    public var isAccepted: Bool { phase == .content && reply.isPositive }

    /// A reply and its place.
    public init(reply: Reply, phase: DialoguePhase) {
        self.reply = reply
        self.phase = phase
    }
}
