public import NIOCore
import NIOPosix
public import OpenSSLBridge
public import SMTPProtocol
import Synchronization

/// How a listener serves.
public struct ListenerOptions: Sendable {
    /// The listener's address as configured, for rules and logs.
    public var name: String
    /// Host or address to bind.
    public var host: String
    /// Port to bind; 0 lets the system choose.
    public var port: Int
    /// What sessions offer; AUTH is set per connection by the delegate.
    public var session: ServerSession.Settings
    /// Certificate for STARTTLS or implicit TLS.
    public var tls: TLSServerContext?
    /// Whether TLS starts with the connection.
    public var isImplicitTLS = false
    /// What happens to lone CRs and LFs.
    public var bareNewlines = BareNewlinePolicy.normalize
    /// Until a silent client is sent away.
    public var idleTimeout = TimeAmount.seconds(300)
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

/// Counts client connections, in all and per address.
public final class ConnectionCounter: Sendable {
    private let counts = Mutex<(total: Int, perClient: [String: Int])>((0, [:]))
    private let maximum: Int
    private let maximumPerClient: Int

    /// A counter with its limits.
    public init(maximum: Int, maximumPerClient: Int) {
        self.maximum = maximum
        self.maximumPerClient = maximumPerClient
    }

    /// Connections now.
    public var total: Int { counts.withLock { $0.total } }

    func enter(_ client: String) -> Bool {
        counts.withLock { counts in
            let own = counts.perClient[client] ?? 0
            guard counts.total < maximum, own < maximumPerClient else { return false }
            counts.total += 1
            counts.perClient[client] = own + 1
            return true
        }
    }

    func leave(_ client: String) {
        counts.withLock { counts in
            counts.total -= 1
            let own = (counts.perClient[client] ?? 1) - 1
            counts.perClient[client] = own == 0 ? nil : own
        }
    }
}

/// A listening SMTP server.
public struct SMTPServer: Sendable {
    /// Content up to this size stays in memory; more goes to a ``ContentSpill``.
    public static let memoryOctets = 256 << 10

    private let channel: any Channel

    /// Binds and serves until ``close()``.
    /// - Throws: `IOError` where the address cannot be bound.
    public static func start(
        _ options: ListenerOptions, delegate: any ServerDelegate, group: any EventLoopGroup
    ) async throws -> SMTPServer {
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1_024, initial: 8_192, maximum: 131_072)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if options.isImplicitTLS, let tls = options.tls {
                        try channel.pipeline.syncOperations.addHandler(TLSHandler(server: tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(ServerHandler(options, delegate))
                }
            }
            .bind(host: options.host, port: options.port).get()
        return SMTPServer(channel: channel)
    }

    /// The port it listens on.
    public var port: Int { channel.localAddress?.port ?? 0 }

    /// Stops listening; connections that stand go on.
    public func close() async { try? await channel.close() }
}
