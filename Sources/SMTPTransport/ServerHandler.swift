import NIOCore
import OpenSSLBridge
import SMTPProtocol
import Synchronization

private let nextConnectionID = Atomic<UInt64>(1)

/// Feeds a client's bytes to framers and the ``ServerSession``, and does what it says.
///
/// Reads only when everything read before is settled and its replies are on their way, so bytes behind DATA, AUTH or the
/// end of content can neither overtake a reply nor slip in front of TLS, and a client that does not read gets no more
/// replies to keep.
final class ServerHandler<Delegate: ServerDelegate>: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    typealias Phase = ServerPhase<Delegate.Spill>

    let options: ListenerOptions
    let delegate: Delegate
    var session: ServerSession
    var facts: ConnectionFacts
    var summary = SessionSummary()
    var lines = CommandLineFramer()
    /// When the phase began.
    private(set) var phaseStart = NIODeadline.now()
    var phase = Phase.silence {
        didSet { phaseStart = .now() }
    }
    var waits = 0
    /// What a verdict is waited for, the latest.
    var judgement: Task<Void, Never>?
    var input: [UInt8] = []
    var cursor = 0
    /// The client has closed its sending side.
    private var isInputClosed = false
    private var isProcessing = false
    private var isCounted = false
    /// The service stops.
    private var isStopping = false
    var output = ByteBuffer()
    var lastActivity = NIODeadline.now()
    var lastFinished = NIODeadline.now()
    var watch: Scheduled<Void>?

    init(_ options: ListenerOptions, _ delegate: Delegate) {
        self.options = options
        self.delegate = delegate
        session = ServerSession(settings: options.session, isSecure: options.isImplicitTLS)
        facts = ConnectionFacts(
            id: nextConnectionID.wrappingAdd(1, ordering: .relaxed).oldValue, listener: options.name, client: "")
    }

    // MARK: Connection

    func channelActive(context: ChannelHandlerContext) {
        facts = ConnectionFacts(
            id: facts.id, listener: options.name, client: context.remoteAddress?.ipAddress ?? "unknown")
        guard options.connections.enter(facts.client) else {
            let reply = Reply(421, EnhancedStatusCode(4, 3, 2), "Too many connections; try again later")
            return turnAway(context, .tooManyConnections, reply)
        }
        isCounted = true
        if let refusal = delegate.connected(facts) { return turnAway(context, .notAllowed, refusal) }
        var settings = options.session
        delegate.configure(&settings, for: facts)
        session = ServerSession(settings: settings, isSecure: options.isImplicitTLS)
        watchDeadlines(context)
        guard options.isImplicitTLS else { return awaitSilence(context) }
        phase = .handshake
        context.read()
    }

    /// Refuses a connection before anything was said. Inside TLS nothing can be said without a handshake, which is more
    /// than such a client is worth.
    private func turnAway(_ context: ChannelHandlerContext, _ refusal: ConnectionRefusal, _ reply: Reply) {
        summary.refusal = refusal
        summary.end = refusal.rawValue
        guard !options.isImplicitTLS else { return cut(context) }
        self.reply(reply)
        if watch == nil { watchDeadlines(context) }
        finish(context)
    }

    /// Greets, but a client that must wait for the banner only once it has kept quiet for a moment.
    private func awaitSilence(_ context: ChannelHandlerContext) {
        guard session.settings.synchronisation == .strict else { return greet(context) }
        phase = .silence
        context.eventLoop.assumeIsolated().scheduleTask(in: options.deadlines.silence) { [self] in
            guard case .silence = phase, context.channel.isActive else { return }
            greet(context)
        }
        context.read()
    }

    private func greet(_ context: ChannelHandlerContext) {
        phase = .commands
        intervene(context, at: "connect", argument: "") { [self] in reply(session.greeting()) }
        process(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let tls as TLSHandshakeCompleted: secured(context, tls)
        case ChannelEvent.inputClosed: inputClosed(context)
        case is ServiceStopping:
            isStopping = true
            process(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    private func secured(_ context: ChannelHandlerContext, _ tls: TLSHandshakeCompleted) {
        guard case .handshake = phase else { return }
        facts.tls = "\(tls.version) \(tls.cipher)"
        if options.isImplicitTLS { return awaitSilence(context) }
        session.tlsEstablished()
        facts.helloName = nil
        facts.isExtended = false
        facts.authenticatedUser = nil
        phase = .commands
        process(context)
    }

    /// The client sends nothing more, and may still read: what it sent is answered to its end.
    private func inputClosed(_ context: ChannelHandlerContext) {
        isInputClosed = true
        switch phase {
        case .handshake: cut(context)
        case .silence, .verdict, .goodbye: break
        case .commands, .content: process(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError {
            if error != .truncated { summary.end = "TLS: \(error)" }
        } else {
            summary.end = "error: \(EscapedText.escape("\(error)".utf8, limit: 200))"
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        watch?.cancel()
        phase.content?.discard()
        phase = .goodbye
        if isCounted {
            isCounted = false
            options.connections.leave(facts.client)
        }
        if session.wasOutOfTurn { summary.refusal = .outOfTurn }
        delegate.disconnected(facts, summary)
        context.fireChannelInactive()
    }

    // MARK: Input

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        lastActivity = .now()
        if cursor == input.count {
            input = Array(buffer.readableBytesView)
            cursor = 0
        } else {
            input.append(contentsOf: buffer.readableBytesView)
        }
        if case .silence = phase { perform(session.earlyTalk(), context) }
        process(context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            lastActivity = .now()
            process(context)
        }
        context.fireChannelWritabilityChanged()
    }

    /// Works through the input until it is used up or something must be waited for.
    func process(_ context: ChannelHandlerContext) {
        guard !isProcessing else { return }
        isProcessing = true
        leaveIfStopping(context)
        while cursor < input.count, phase.takesInput, hasRoom(context) {
            if case .content(let content) = phase { takeContent(content, context) } else { takeLine(context) }
            leaveIfStopping(context)
        }
        isProcessing = false
        flush(context)
        guard phase.takesInput, cursor == input.count, context.channel.isWritable else { return }
        guard isInputClosed else { return context.read() }
        if phase.content == nil { summary.end = "closed by the client" }
        finish(context)
    }

    /// Content that is coming in is taken to its end, and its reply goes out first (RFC 5321 §3.8).
    private func leaveIfStopping(_ context: ChannelHandlerContext) {
        guard isStopping else { return }
        switch phase {
        case .handshake:
            summary.end = "service stops"
            cut(context)
        case .silence, .commands:
            summary.end = "service stops"
            reply(Reply(421, EnhancedStatusCode(4, 3, 2), "Service stops; try again later"))
            finish(context)
        case .content, .verdict, .goodbye: break
        }
    }

    /// Whether replies may be added: what was said so far goes out first, and the socket must take it.
    private func hasRoom(_ context: ChannelHandlerContext) -> Bool {
        if output.readableBytes >= 16 << 10 { flush(context) }
        return context.channel.isWritable
    }

    // MARK: Output

    func reply(_ reply: Reply) { output.writeBytes(reply.serialized(enhanced: session.usesEnhancedCodes)) }

    func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        let bytes = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    /// Closes once everything is out; the deadline of ``ServerPhase/goodbye`` ends the wait.
    func finish(_ context: ChannelHandlerContext) {
        if case .goodbye = phase { return }
        phase.content?.discard()
        phase = .goodbye
        let bytes = output
        output = ByteBuffer()
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: sent)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }

    /// Closes without a word.
    func cut(_ context: ChannelHandlerContext) {
        phase.content?.discard()
        phase = .goodbye
        output.clear()
        context.close(promise: nil)
    }
}
