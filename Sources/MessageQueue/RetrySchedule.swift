/// When to try again.
public struct RetrySchedule: Sendable, Hashable {
    /// Waits in milliseconds; the last one repeats.
    public var waits: [Int64]
    /// Spread of each wait, so that mails deferred together do not come back together.
    public var jitter = 0.2
    /// Milliseconds until a mail fails.
    public var lifetime: Int64

    /// A schedule.
    public init(waits: [Int64], lifetime: Int64) {
        self.waits = waits.isEmpty ? [3_600_000] : waits
        self.lifetime = lifetime
    }

    /// The wait after so many failed attempts, from 1.
    public func wait(after attempts: Int, using generator: inout some RandomNumberGenerator) -> Int64 {
        let base = waits[min(max(attempts, 1), waits.count) - 1]
        return Int64(Double(base) * Double.random(in: (1 - jitter)...(1 + jitter), using: &generator))
    }
}
