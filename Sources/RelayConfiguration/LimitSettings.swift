/// `[limits]`, octets and counts.
public struct LimitSettings: Sendable {
    /// Octets of a message.
    public var messageOctets = 25 << 20
    /// Recipients of a message.
    public var recipients = 1_000
    /// Client connections in all.
    public var connections = 1_000
    /// Client connections from one address.
    public var connectionsPerClient = 100
    /// Until a silent client is sent away.
    public var idleTimeout = Duration.seconds(300)
    /// Until a client that finishes no mail is sent away, however busy it is.
    public var transactionTimeout = Duration.seconds(1_200)
    /// Octets per second a client must send of a mail's content, after its first minute.
    public var leastRateOctets = 500
    /// Octets of messages on their way upstream at a time.
    public var inFlightOctets = 32 << 20
    /// Connections of all web listeners.
    public var webConnections = 1_000
    /// Web connections from one address that is no trusted proxy.
    public var webConnectionsPerClient = 100
    /// At a stop: how long mail under way may take to end.
    public var drain = Duration.seconds(20)

    /// The defaults.
    public init() {}
}

/// `[queue]`.
public struct QueueTimes: Sendable {
    /// Waits between attempts; the last one repeats.
    public var retry: [Duration] = [30, 120, 300, 600, 1_200, 1_800, 3_600].map { .seconds($0) }
    /// Then a mail fails.
    public var lifetime = Duration.seconds(5 * 86_400)

    /// The defaults.
    public init() {}
}
