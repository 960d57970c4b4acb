import Glibc
import NIOCore
import NIOPosix
import OpenSSLBridge
import SMTPProtocol

/// One connection to an upstream, greeted, secured and authenticated.
final class UpstreamConnection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ClientHandler>
    let born = NIODeadline.now()

    private init(channel: any Channel, handler: NIOLoopBound<ClientHandler>) {
        self.channel = channel
        self.handler = handler
    }

    /// Connects and goes through greeting, STARTTLS and AUTH.
    static func open(_ route: UpstreamRoute, on group: any EventLoopGroup) async throws(UpstreamFailure)
        -> UpstreamConnection
    {
        let loop = group.next()
        let whenReady = loop.makePromise(of: Void.self)
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
            let connection = UpstreamConnection(channel: channel, handler: handler)
            try await whenReady.futureResult.get()
            return connection
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
    /// - Returns: the outcome, and whether the upstream said anything at all.
    func send(_ transaction: Transaction, _ content: OutgoingContent) async -> (
        outcome: DeliveryReport.Outcome, heard: Bool
    ) {
        let promise = channel.eventLoop.makePromise(of: DeliveryReport.Outcome.self)
        channel.eventLoop.execute { [handler] in handler.value.begin(transaction, content, promise) }
        let future = promise.futureResult.map { [handler] outcome in (outcome, handler.value.hasHeard) }
        do {
            return try await future.get()
        } catch {
            return (.failed(.lost(.mail)), false)
        }
    }

    /// Whether another mail may be sent, and TLS for the log.
    func state() async -> (isUsable: Bool, tls: String?, certificateDaysLeft: Int?) {
        let state = try? await channel.eventLoop.submit { [handler] in
            (handler.value.isUsable, handler.value.tls, handler.value.certificateDaysLeft)
        }.get()
        return state ?? (false, nil, nil)
    }

    func quit() { channel.eventLoop.execute { [handler] in handler.value.quit() } }
}
