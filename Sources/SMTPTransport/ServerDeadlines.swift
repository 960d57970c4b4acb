public import NIOCore

/// How long a client's connection may stay in each of its states.
public struct ServerDeadlines: Sendable {
    /// For the TLS handshake, at the start or after STARTTLS.
    public var handshake = TimeAmount.seconds(60)
    /// Quiet before the banner, for clients that must wait for it; who speaks in it is sent away.
    public var silence = TimeAmount.milliseconds(200)
    /// Until a client that sends nothing, or does not read its replies, is sent away.
    public var idle = TimeAmount.seconds(300)
    /// Until a client that finishes no mail is sent away, however busy it is.
    public var transaction = TimeAmount.minutes(20)
    /// Least octets of content per second, once ``rateGrace`` is over.
    public var leastRate: Int64 = 500
    /// Time in which content may be slower.
    public var rateGrace = TimeAmount.seconds(60)
    /// For the owner's verdict. A client waits 10 minutes for the reply to its content (RFC 5321 §4.5.3.2.6).
    public var verdict = TimeAmount.minutes(10)
    /// For the last reply; then the connection is cut.
    public var goodbye = TimeAmount.seconds(10)

    /// The figures of RFC 5321 §4.5.3.2, and of experience where it has none.
    public init() {}

    /// How often the clock is looked at.
    var tick: TimeAmount {
        let shortest = min(handshake, idle, transaction, rateGrace, verdict, goodbye)
        return min(.seconds(5), max(.milliseconds(10), .nanoseconds(shortest.nanoseconds / 4)))
    }
}
