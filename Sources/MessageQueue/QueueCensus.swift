/// What is in a queue, counted.
public struct QueueCensus: Sendable, Hashable {
    /// Messages.
    public var messages = 0
    /// Those of them that failed for good and are kept.
    public var failed = 0
    /// Those of them that are damaged.
    public var damaged = 0
    /// Arrival of the one that has waited longest, in milliseconds since 1970; one that failed does not wait.
    public var oldest: Int64?

    /// Nothing.
    public init() {}
}
