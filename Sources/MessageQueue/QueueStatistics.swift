/// What a queue holds, for metrics.
public struct QueueStatistics: Sendable {
    /// Messages ready in memory.
    public var ready = 0
    /// Messages with a worker.
    public var leased = 0
    /// Octets of contents in memory.
    public var cachedOctets = 0
    /// Messages whose latest outcome the store could not write so far.
    public var unwritten = 0
}
