import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// Why a listener cannot serve.
public struct WebServerError: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let description: String
    /// What the system said.
    public let cause: any Error
}

/// HTTP/1.1 over NIO's channels: hits are answered on the event loop in one step, everything else goes to the router.
///
/// Why not Hummingbird's own server: with a connection per hit, which is what readers of mail make, a channel with one
/// handler answers twice as many hits as one with an async stream and a task (Tests/Benchmark/hits measures it).
struct WebServer: Sendable {
    let listener: WebListener
    let hits: HitResponder
    let prefixes: @Sendable () -> HitPrefixes
    let router: RouterResponder<WebContext>
    let logger: Logger
    let connections: WebConnections

    /// Listens once per event loop: the kernel deals the connections out, and none changes its thread.
    func bind(on group: any EventLoopGroup) async throws -> [any Channel] {
        var channels: [any Channel] = []
        var port = listener.port
        // A port that somebody else has must not be shared with them.
        let probe = try await bind(on: group.next(), port: port, isShared: false)
        try await probe.close()
        for loop in group.makeIterator() {
            let channel = try await bind(on: loop, port: port, isShared: true)
            channels.append(channel)
            port = channel.localAddress?.port ?? port
        }
        return channels
    }

    static func decoder() -> HTTPRequestDecoder {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = WebLimits.headerOctets
        limits.maxHeaderListSize = WebLimits.headerOctets
        limits.maxHeaderFieldCount = WebLimits.headerFields
        return HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    }

    private func bind(on loop: any EventLoop, port: Int, isShared: Bool) async throws -> any Channel {
        let server = self
        let bootstrap = ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: isShared ? 1 : 0)
            // Linux gives it on to the accepted sockets, which saves each a system call.
            .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 64 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PlainHitHandler(server: server))
                }
            }
        do {
            return try await bootstrap.bind(host: listener.host, port: port).get()
        } catch {
            throw WebServerError(description: "cannot listen on \(listener.host):\(port): \(error)", cause: error)
        }
    }
}

/// What a client may send.
enum WebLimits {
    /// Octets of a request's header, and of any field in it.
    static let headerOctets = 32 << 10
    /// Fields of a request's header.
    static let headerFields = 100
    /// Octets of a request's target.
    static let targetOctets = 8 << 10
    /// Octets of a request's body; the console's forms are small.
    static let bodyOctets = 64 << 10
    /// A request that is not whole so long after the one before is not awaited.
    static let idleTime = TimeAmount.seconds(30)
    /// The same for a connection's first request: who connects has something to ask.
    static let firstRequestTime = TimeAmount.seconds(10)
}
