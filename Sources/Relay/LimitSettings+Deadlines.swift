import NIOCore
import RelayConfiguration
import SMTPTransport

extension LimitSettings {
    /// The deadlines of client connections.
    var deadlines: ServerDeadlines {
        var deadlines = ServerDeadlines()
        deadlines.idle = Self.amount(idleTimeout)
        deadlines.transaction = Self.amount(transactionTimeout)
        deadlines.leastRate = Int64(leastRateOctets)
        return deadlines
    }

    /// A century at most: more nanoseconds than a clock counts would be a trap.
    private static func amount(_ duration: Duration) -> TimeAmount {
        .nanoseconds(Int64(min(duration / .nanoseconds(1), 3.2e18)))
    }
}
