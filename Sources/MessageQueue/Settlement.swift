/// What became of a message at the end of an attempt.
public struct Settlement: Sendable {
    /// Recipients that ran out of time with this attempt.
    public var expired: [QueuedRecipient] = []
    /// When the next attempt is due, in milliseconds since 1970; `nil` when nothing waits any more.
    public var nextAttempt: Int64?
    /// Recipients that failed for good, in this attempt or before; filled once nothing waits any more.
    public var failed: [QueuedRecipient] = []
    /// Whether the message stays in the queue as failed: nothing waits, and somebody did not get it.
    public var isKept: Bool { !failed.isEmpty }
}
