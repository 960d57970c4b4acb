import NIOCore
import OpenSSLBridge
import SMTPProtocol

/// Feeds an upstream's bytes to the ``ClientSession``, and does what it says.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets written before the socket is asked whether it takes more.
    private static let chunkOctets = 128 << 10

    private let route: UpstreamRoute
    private var session: ClientSession
    private var framer = ReplyFramer()
    private let whenReady: EventLoopPromise<Void>
    private var isSetUp = false
    private var running: Running?
    private var unsent: Unsent?
    private var failure: UpstreamFailure?
    private var deadline = NIODeadline.distantFuture
    private var timer: Scheduled<Void>?
    private weak var owner: UpstreamConnection?
    private(set) var tls: String?
    private(set) var certificateDaysLeft: Int?
    private var context: ChannelHandlerContext?
    private var heardSinceBegin = false

    private struct Running {
        let content: OutgoingContent
        let promise: EventLoopPromise<DeliveryReport.Outcome>
    }

    private struct Unsent {
        var pieces: ArraySlice<ArraySlice<UInt8>>
        var stuffer = DotStuffer()
    }

    init(_ route: UpstreamRoute, whenReady: EventLoopPromise<Void>) {
        self.route = route
        self.whenReady = whenReady
        session = ClientSession(settings: route.sessionSettings)
    }

    // MARK: Connection

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        arm(context, route.connectTimeout + route.connectTimeout)
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let done = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
        tls = "\(done.version) \(done.cipher)"
        certificateDaysLeft = done.certificateDaysLeft
        perform(session.tlsEstablished(), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            if error != .truncated { fail(.tls(error)) }
        } else if failure == nil {
            failure = .lost(session.phase)
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        fail(failure ?? .lost(session.phase))
        context.fireChannelInactive()
    }

    /// Ends whatever waits, once.
    private func fail(_ reason: UpstreamFailure) {
        if failure == nil { failure = reason }
        if !isSetUp {
            isSetUp = true
            whenReady.fail(reason)
        }
        guard let running else { return }
        self.running = nil
        let isUncertain = session.awaitsVerdict && unsent == nil
        running.promise.succeed(isUncertain ? .uncertain(reason) : .failed(reason))
    }

    // MARK: Replies

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        var rest = bytes[...]
        while !rest.isEmpty, failure == nil {
            do {
                let (consumed, reply) = try framer.consume(rest)
                rest = rest.dropFirst(consumed)
                guard let reply else { continue }
                heardSinceBegin = true
                perform(session.receive(reply, hasMore: !rest.isEmpty), context)
            } catch {
                fail(.session(.violation(error.sentence)))
                context.close(promise: nil)
            }
        }
    }

    private func perform(_ actions: [ClientSession.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .send(let bytes):
                arm(context, route.commandTimeout)
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            case .startTLS: startTLS(context)
            case .ready: ready()
            case .sendContent: sendContent(context)
            case .finished(let replies):
                guard let running else { continue }
                self.running = nil
                running.promise.succeed(.answered(replies))
            case .fail(let reason):
                fail(.session(reason))
                context.close(promise: nil)
            case .close: context.close(promise: nil)
            }
        }
    }

    private func ready() {
        deadline = .distantFuture
        guard !isSetUp else { return }
        isSetUp = true
        whenReady.succeed()
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        guard case .startTLS(let tls, let name) = route.protection else { return }
        do {
            let handler = try TLSHandler(
                client: tls, serverName: name, sessionKey: "\(route.host):\(route.port):\(name)")
            try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
        } catch {
            fail((error as? TLSError).map { .tls($0) } ?? .lost(.startTLS))
            context.close(promise: nil)
        }
    }

    // MARK: Transactions

    /// Whether another transaction may begin.
    var isUsable: Bool { failure == nil && session.isReady && running == nil }

    /// Whether the upstream has said anything since the last transaction began.
    var hasHeard: Bool { heardSinceBegin }

    func begin(
        _ transaction: Transaction, _ content: OutgoingContent, _ promise: EventLoopPromise<DeliveryReport.Outcome>
    ) {
        guard let context, isUsable else { return promise.succeed(.failed(failure ?? .lost(session.phase))) }
        guard !transaction.isEightBit || session.capabilities.eightBitMIME else {
            return promise.succeed(.needsSevenBit)
        }
        heardSinceBegin = false
        running = Running(content: content, promise: promise)
        perform(session.begin(transaction), context)
    }

    func quit() {
        guard let context else { return }
        if failure == nil, session.isReady {
            perform(session.quit(), context)
            arm(context, .seconds(5))
        } else {
            context.close(promise: nil)
        }
    }

    private func sendContent(_ context: ChannelHandlerContext) {
        guard let running else { return }
        unsent = Unsent(pieces: running.content.pieces[...])
        sendMore(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { sendMore(context) }
        context.fireChannelWritabilityChanged()
    }

    /// Sends content while the socket takes it; a large one is never in memory twice.
    private func sendMore(_ context: ChannelHandlerContext) {
        while var rest = unsent, context.channel.isWritable, failure == nil {
            unsent = nil
            var chunk: [UInt8] = []
            chunk.reserveCapacity(Self.chunkOctets + 1_024)
            while chunk.count < Self.chunkOctets, var piece = rest.pieces.popFirst() {
                let part = piece.prefix(Self.chunkOctets)
                rest.stuffer.stuff(part, into: &chunk)
                piece = piece.dropFirst(part.count)
                if !piece.isEmpty { rest.pieces = [piece] + rest.pieces }
            }
            let isLast = rest.pieces.isEmpty
            if isLast { rest.stuffer.finish(into: &chunk) } else { unsent = rest }
            arm(context, isLast ? route.finalDotTimeout : route.commandTimeout)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: chunk)), promise: nil)
        }
    }

    // MARK: Deadlines

    /// Moves the deadline; the timer itself is only set again when it fires too early.
    private func arm(_ context: ChannelHandlerContext, _ amount: TimeAmount) {
        deadline = .now() + amount
        if timer == nil { schedule(context, amount) }
    }

    private func schedule(_ context: ChannelHandlerContext, _ amount: TimeAmount) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: amount) { [self] in
            timer = nil
            let now = NIODeadline.now()
            if deadline == .distantFuture { return }
            guard now >= deadline else { return schedule(context, deadline - now) }
            fail(.timedOut(session.phase))
            context.close(promise: nil)
        }
    }
}
