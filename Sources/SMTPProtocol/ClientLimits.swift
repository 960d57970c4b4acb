/// How many connections a client makes to one server, how long each is used, and how long it waits for an answer
/// (RFC 5321 §4.5.3.2).
public struct ClientLimits: Sendable, Hashable {
    /// At most so many connections.
    public var connections = 20
    /// Mails on one connection.
    public var messagesPerConnection = 100
    /// Age of a connection.
    public var connectionAge = Duration.seconds(300)
    /// Idle time of a connection.
    public var connectionIdle = Duration.seconds(30)
    /// Deadline for TCP, and another for the TLS handshake.
    public var connectTimeout = Duration.seconds(30)
    /// Deadline for a reply.
    public var commandTimeout = Duration.seconds(300)
    /// Deadline for the reply to the content's end.
    public var finalDotTimeout = Duration.seconds(600)

    /// The defaults.
    public init() {}
}
