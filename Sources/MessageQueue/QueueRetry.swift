/// What came of trying mail again by hand.
public struct QueueRetry: Sendable {
    /// Messages that are due now.
    public var due = 0
    /// Messages that are damaged still, and what is wrong with them.
    public var damaged: [(id: QueueID, reason: String)] = []

    /// Nothing yet.
    public init() {}
}
