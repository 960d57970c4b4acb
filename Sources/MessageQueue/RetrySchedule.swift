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

    /// Milliseconds that no wait exceeds: what is due later than that was written under another clock.
    public var longestWait: Int64 { spread(waits.max() ?? 0) }

    /// Attempts that fit into the lifetime. A mail that has had fewer does not expire, whatever the clock says: one that
    /// was set forward must not fail a whole queue.
    public var leastAttempts: Int {
        var time: Int64 = 0
        var attempts = 1
        for wait in waits {
            time += spread(wait)
            guard time < lifetime else { break }
            attempts += 1
        }
        return min(attempts, waits.count)
    }

    private func spread(_ wait: Int64) -> Int64 { Int64(Double(wait) * (1 + jitter)) + 1 }
}
