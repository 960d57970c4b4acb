public import NIOCore
import NIOPosix
public import OpenSSLBridge
public import SMTPProtocol

/// How a listener serves.
public struct ListenerOptions: Sendable {
    /// The listener's address as configured, for rules and logs.
    public var name: String
    /// Host or address to bind.
    public var host: String
    /// Port to bind; 0 lets the system choose.
    public var port: Int
    /// What sessions offer, before the delegate changes it for a connection.
    public var session: ServerSession.Settings
    /// Certificate for STARTTLS or implicit TLS.
    public var tls: TLSServerContext?
    /// Whether TLS starts with the connection.
    public var isImplicitTLS = false
    /// What happens to lone CRs and LFs.
    public var bareNewlines = BareNewlinePolicy.normalize
    /// How long a connection may stay in each of its states.
    public var deadlines = ServerDeadlines()
    /// Connections at a time, shared by the listeners that share a ``ConnectionCounter``.
    public var connections: ConnectionCounter

    /// Options of a listener without TLS.
    public init(name: String, host: String, port: Int, session: ServerSession.Settings, connections: ConnectionCounter)
    {
        self.name = name
        self.host = host
        self.port = port
        self.session = session
        self.connections = connections
    }
}

/// A listening SMTP server.
public struct SMTPServer: Sendable {
    /// Content up to this size stays in memory; more goes to a ``ContentSpill``.
    public static let memoryOctets = 256 << 10

    private let channel: any Channel
    private let sessions: OpenSessions

    /// Binds and serves until ``close()``.
    /// - Throws: `IOError` where the address cannot be bound.
    public static func start(
        _ options: ListenerOptions, delegate: some ServerDelegate, group: any EventLoopGroup
    ) async throws -> SMTPServer {
        let sessions = OpenSessions()
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Without descriptors left accept() fails at once and for ever: it is asked again a second later.
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelOption(.autoRead, value: false)
            // Who has sent everything and closed that side (`nc -N`) still reads the replies.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1_024, initial: 8_192, maximum: 131_072)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if options.isImplicitTLS, let tls = options.tls {
                        let handler = try TLSHandler(server: tls)
                        handler.passesHalfClose = true
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(ServerHandler(options, delegate))
                    sessions.add(channel)
                }
            }
            .bind(host: options.host, port: options.port).get()
        return SMTPServer(channel: channel, sessions: sessions)
    }

    /// The port it listens on.
    public var port: Int { channel.localAddress?.port ?? 0 }

    /// Stops listening; connections that stand go on.
    public func close() async { try? await channel.close() }

    /// Stops listening and says goodbye with 421 (RFC 5321 §3.8) to every session, where content is coming in or being
    /// judged behind the reply to it.
    /// - Returns: when all sessions have ended.
    public func stop() async {
        await close()
        await sessions.stop()
    }

    /// Closes the sessions that are left.
    public func abort() async { await sessions.abort() }
}
