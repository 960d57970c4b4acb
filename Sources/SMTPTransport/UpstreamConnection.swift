import Glibc
import NIOCore
import NIOPosix
import OpenSSLBridge
import SMTPProtocol

/// One connection to an upstream, greeted, secured and authenticated.
final class UpstreamConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ClientHandler>
    let readiness: Readiness
    let born = NIODeadline.now()

    /// What is known of a connection once it is ready, for the log.
    struct Readiness: Sendable {
        var tls: String?
        var certificateDaysLeft: Int?
    }

    private init(channel: any Channel, handler: NIOLoopBound<ClientHandler>, readiness: Readiness) {
        self.channel = channel
        self.handler = handler
        self.readiness = readiness
    }

    /// Connects and goes through greeting, STARTTLS and AUTH.
    static func open(_ route: UpstreamRoute, on group: any EventLoopGroup) async throws(UpstreamFailure)
        -> UpstreamConnection
    {
        let loop = group.next()
        let whenReady = loop.makePromise(of: Readiness.self)
        do {
            let (channel, handler) = try await ClientBootstrap(group: loop)
                .connectTimeout(route.connectTimeout)
                .channelOption(.writeBufferWaterMark, value: .init(low: 64 << 10, high: 256 << 10))
                .connect(host: route.host, port: route.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = ClientHandler(route, whenReady: whenReady)
                        if case .implicitTLS(let tls, let name) = route.protection {
                            let key = "\(route.host):\(route.port):\(name)"
                            try channel.pipeline.syncOperations.addHandler(
                                TLSHandler(client: tls, serverName: name, sessionKey: key))
                        }
                        try channel.pipeline.syncOperations.addHandler(handler)
                        return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
                    }
                }
            return UpstreamConnection(
                channel: channel, handler: handler, readiness: try await whenReady.futureResult.get())
        } catch let failure as UpstreamFailure {
            throw failure
        } catch {
            whenReady.fail(error)
            throw .connect(Self.words(error, route))
        }
    }

    private static func words(_ error: any Error, _ route: UpstreamRoute) -> String {
        let place = "\(route.host):\(route.port)"
        switch error {
        case let error as NIOConnectionError:
            if let dns = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
                return "\(place): the name does not resolve (\(EscapedText.escape("\(dns)".utf8, limit: 120)))"
            }
            let reasons = error.connectionErrors.map { failure in
                (failure.error as? IOError).map { String(cString: strerror($0.errnoCode)) }
                    ?? EscapedText.escape("\(failure.error)".utf8, limit: 120)
            }
            // A name with two addresses fails the same way twice.
            let different = reasons.enumerated().filter { reasons.firstIndex(of: $1) == $0 }.map(\.element)
            return "\(place): \(different.joined(separator: "; "))"
        case ChannelError.connectTimeout: return "\(place): no answer in time"
        default: return "\(place): \(EscapedText.escape("\(error)".utf8, limit: 200))"
        }
    }

    /// Sends one mail.
    func send(_ transaction: Transaction, _ content: OutgoingContent) async -> SendResult {
        let promise = channel.eventLoop.makePromise(of: SendResult.self)
        channel.eventLoop.execute { [handler] in handler.value.begin(transaction, content, promise) }
        do {
            return try await promise.futureResult.get()
        } catch {
            // Nothing fails the promise; were it so, nobody would know what the upstream has.
            return SendResult(.known(.uncertain(.lost(.content))), isUsable: false)
        }
    }

    /// Calls `body` once the socket is closed, at once where it is.
    func whenClosed(_ body: @escaping @Sendable () -> Void) { channel.closeFuture.whenComplete { _ in body() } }

    /// Says goodbye.
    func quit() { channel.eventLoop.execute { [handler] in handler.value.quit() } }

    /// Closes at once, whatever is on its way.
    func cutOff() { channel.eventLoop.execute { [handler] in handler.value.cutOff() } }
}
