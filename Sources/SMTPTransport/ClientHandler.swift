import NIOCore
import OpenSSLBridge
import SMTPProtocol

/// Feeds an upstream's bytes to the ``ClientSession``, and does what it says.
final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets written before the socket is asked whether it takes more.
    private static let chunkOctets = 128 << 10
    /// For replies that decide nothing for any mail: to RSET and to QUIT.
    private static let resetTimeout = TimeAmount.seconds(10)
    private static let quitTimeout = TimeAmount.seconds(2)

    /// The mail on its way, and how far it is.
    private enum Work {
        case none
        /// Commands, or the verdict on a content that is out.
        case dialogue(Running)
        case content(Running, UnsentContent)
        /// The content is handed over whole, and the network has not taken all of it.
        case flushing(Running)
        /// The verdict is in; the connection is made ready for the next mail.
        case decided(Running, [RecipientReply])

        var running: Running? {
            switch self {
            case .none: nil
            case .dialogue(let running), .content(let running, _), .flushing(let running), .decided(let running, _):
                running
            }
        }
    }

    private struct Running {
        let content: OutgoingContent
        let promise: EventLoopPromise<SendResult>
    }

    private let route: UpstreamRoute
    private var session: ClientSession
    private var framer = ReplyFramer()
    private var whenReady: EventLoopPromise<UpstreamConnection.Readiness>?
    private var work = Work.none
    private var failure: UpstreamFailure?
    private let deadline = DeadlineTimer()
    private var readiness = UpstreamConnection.Readiness()
    private var context: ChannelHandlerContext?

    init(_ route: UpstreamRoute, whenReady: EventLoopPromise<UpstreamConnection.Readiness>) {
        self.route = route
        self.whenReady = whenReady
        session = ClientSession(settings: route.sessionSettings)
    }

    // MARK: Connection

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        if case .implicitTLS = route.protection {
            arm(context, route.connectTimeout)
        } else {
            arm(context, route.commandTimeout)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let done = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
        readiness.tls = "\(done.version) \(done.cipher)"
        readiness.certificateDaysLeft = done.certificateDaysLeft
        // Of implicit TLS the greeting is next, of STARTTLS the second EHLO.
        arm(context, route.commandTimeout)
        perform(session.tlsEstablished(), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error as? TLSError {
        case .truncated?: break
        case let error?: end(.tls(error))
        case nil: end(.lost(session.phase))
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.lost(session.phase))
        context.fireChannelInactive()
    }

    /// Ends whatever waits, once; the first reason counts.
    private func end(_ reason: UpstreamFailure) {
        let reason = failure ?? reason
        failure = reason
        deadline.cancel()
        whenReady?.fail(reason)
        whenReady = nil
        let work = work
        self.work = .none
        guard let running = work.running else { return }
        if case .decided(_, let replies) = work {
            return running.promise.succeed(SendResult(.known(.answered(replies)), isUsable: false))
        }
        let ending: SendResult.Ending =
            switch session.standing {
            case .unanswered: .unanswered(reason)
            case .awaitsVerdict: .known(.uncertain(reason))
            case .none, .notTaken: .known(.failed(reason))
            }
        running.promise.succeed(SendResult(ending, isUsable: false))
    }

    private func close(_ context: ChannelHandlerContext, _ reason: UpstreamFailure) {
        end(reason)
        context.close(promise: nil)
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
                perform(session.receive(reply, hasMore: !rest.isEmpty), context)
            } catch {
                close(context, .session(.violation(error.sentence)))
            }
        }
    }

    private func perform(_ actions: [ClientSession.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .send(let bytes):
                arm(context, replyTimeout)
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            case .startTLS: startTLS(context)
            case .ready: ready()
            case .sendContent: sendContent(context)
            case .finished(let replies):
                if let running = work.running { work = .decided(running, replies) }
            case .fail(let reason): close(context, .session(reason))
            case .close: context.close(promise: nil)
            }
        }
    }

    private var replyTimeout: TimeAmount {
        if case .decided = work { min(route.commandTimeout, Self.resetTimeout) } else { route.commandTimeout }
    }

    private func ready() {
        deadline.clear()
        if whenReady != nil { route.whenOffered?(session.capabilities) }
        whenReady?.succeed(readiness)
        whenReady = nil
        guard case .decided(let running, let replies) = work else { return }
        work = .none
        running.promise.succeed(SendResult(.known(.answered(replies)), isUsable: true))
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        guard case .startTLS(let tls, let name) = route.protection else { return close(context, .lost(.startTLS)) }
        arm(context, route.connectTimeout)
        do {
            let handler = try TLSHandler(
                client: tls, serverName: name, sessionKey: "\(route.host):\(route.port):\(name)")
            try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
        } catch {
            close(context, (error as? TLSError).map { .tls($0) } ?? .lost(.startTLS))
        }
    }

    // MARK: Transactions

    func begin(_ transaction: Transaction, _ content: OutgoingContent, _ promise: EventLoopPromise<SendResult>) {
        guard let context, failure == nil, session.isReady, work.running == nil else {
            return promise.succeed(SendResult(.unanswered(failure ?? .lost(.mail)), isUsable: false))
        }
        guard !transaction.isEightBit || session.capabilities.eightBitMIME else {
            return promise.succeed(SendResult(.known(.needsSevenBit), isUsable: true))
        }
        work = .dialogue(Running(content: content, promise: promise))
        perform(session.begin(transaction), context)
    }

    /// Says QUIT, and closes though nobody answers.
    func quit() {
        guard let context else { return }
        guard failure == nil, session.isReady else { return context.close(promise: nil) }
        perform(session.quit(), context)
        arm(context, min(route.commandTimeout, Self.quitTimeout))
    }

    /// Ends the mail on its way with what is known of it now.
    func cutOff() {
        guard let context else { return }
        close(context, .stopping)
    }

    private func sendContent(_ context: ChannelHandlerContext) {
        guard let running = work.running else { return }
        work = .content(running, UnsentContent(running.content))
        arm(context, route.commandTimeout)
        sendMore(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { sendMore(context) }
        context.fireChannelWritabilityChanged()
    }

    /// Sends content while the socket takes it; a large one is never in memory twice.
    private func sendMore(_ context: ChannelHandlerContext) {
        while case .content(let running, var rest) = work, context.channel.isWritable {
            let chunk = rest.next(Self.chunkOctets)
            let isLast = rest.isEmpty
            // Set before anything is written: writing may come back here.
            work = isLast ? .flushing(running) : .content(running, rest)
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenSuccess { self.written(context, isLast: isLast) }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: chunk)), promise: written)
        }
    }

    /// The network has taken a chunk.
    private func written(_ context: ChannelHandlerContext, isLast: Bool) {
        switch work {
        case .flushing(let running) where isLast:
            session.contentSent()
            work = .dialogue(running)
            arm(context, route.finalDotTimeout)
        case .content, .flushing: arm(context, route.commandTimeout)
        case .none, .dialogue, .decided: break
        }
    }

    private func arm(_ context: ChannelHandlerContext, _ amount: TimeAmount) {
        deadline.set(amount, on: context.eventLoop) { [self] in close(context, .timedOut(session.phase)) }
    }
}
