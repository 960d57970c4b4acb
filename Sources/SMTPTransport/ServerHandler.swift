import NIOCore
import OpenSSLBridge
import SMTPProtocol
import Synchronization

/// Feeds a client's bytes to framers and the ``ServerSession``, and does what it says.
///
/// Reads only when everything read before is settled, so bytes behind DATA, AUTH or the end of content can neither
/// overtake a reply nor slip in front of TLS.
final class ServerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let nextID = Atomic<UInt64>(1)
    /// Least rate of content after ``rateGrace``, octets per second.
    private static let leastRate: Int64 = 500
    private static let rateGrace = TimeAmount.seconds(60)
    private static let unproductiveLimit = TimeAmount.minutes(20)

    private let options: ListenerOptions
    private let delegate: any ServerDelegate
    private var session: ServerSession
    private var facts: ConnectionFacts
    private var lines = CommandLineFramer()
    private var content: IncomingContent?

    private var input: [UInt8] = []
    private var cursor = 0
    private var isBlocked = false
    private var isProcessing = false
    private var isCounted = false
    private var isClosing = false
    private var output: ByteBuffer
    private var summary = SessionSummary()
    private var lastActivity = NIODeadline.now()
    private var lastFinished = NIODeadline.now()
    private var watch: Scheduled<Void>?

    init(_ options: ListenerOptions, _ delegate: any ServerDelegate) {
        self.options = options
        self.delegate = delegate
        session = ServerSession(settings: options.session, isSecure: options.isImplicitTLS)
        output = ByteBuffer()
        facts = ConnectionFacts(
            id: Self.nextID.wrappingAdd(1, ordering: .relaxed).oldValue, listener: options.name, client: "")
    }

    // MARK: Connection

    func channelActive(context: ChannelHandlerContext) {
        let address = context.remoteAddress
        facts = ConnectionFacts(
            id: facts.id, listener: options.name, client: address?.ipAddress ?? "unknown")
        guard options.connections.enter(facts.client) else {
            summary.end = "too many connections"
            reply(Reply(421, EnhancedStatusCode(4, 3, 2), "Too many connections; try again later"))
            return finish(context)
        }
        isCounted = true
        if let refusal = delegate.connected(facts) {
            summary.end = "turned away"
            reply(refusal)
            return finish(context)
        }
        var settings = options.session
        settings.authentication = delegate.authentication(for: facts)
        session = ServerSession(settings: settings, isSecure: options.isImplicitTLS)
        watchDeadlines(context)
        guard !options.isImplicitTLS else { return context.read() }
        greet(context)
    }

    private func greet(_ context: ChannelHandlerContext) {
        intervene(context, at: "connect", argument: "") { [self] in
            reply(session.greeting())
            process(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let tls = event as? TLSHandshakeCompleted else { return context.fireUserInboundEventTriggered(event) }
        facts.tls = "\(tls.version) \(tls.cipher)"
        if options.isImplicitTLS {
            greet(context)
        } else {
            session.tlsEstablished()
            facts.helloName = nil
            facts.isExtended = false
            facts.authenticatedUser = nil
            isBlocked = false
            process(context)
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
        content?.spill?.discard()
        content = nil
        if isCounted {
            isCounted = false
            options.connections.leave(facts.client)
        }
        delegate.disconnected(facts, summary)
        context.fireChannelInactive()
    }

    private func watchDeadlines(_ context: ChannelHandlerContext) {
        watch = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(5)) { [self] in
            checkDeadlines(context)
            if context.channel.isActive { watchDeadlines(context) }
        }
    }

    private func checkDeadlines(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        guard !isBlocked, !isClosing else {
            lastActivity = now
            return
        }
        var complaint: String?
        if now - lastActivity > options.idleTimeout { complaint = "idle too long" }
        if now - lastFinished > Self.unproductiveLimit {
            complaint = "no message in \(Self.unproductiveLimit.nanoseconds / 60_000_000_000) minutes"
        }
        if let content, now - content.start > Self.rateGrace,
            Int64(content.octets) * 1_000_000_000 < Self.leastRate * (now - content.start).nanoseconds
        {
            complaint = "content too slow"
        }
        guard let complaint else { return }
        summary.end = complaint
        reply(Reply(421, EnhancedStatusCode(4, 4, 2), "Closing: \(complaint)"))
        finish(context)
    }

    // MARK: Bytes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        lastActivity = .now()
        if cursor == input.count {
            input = Array(buffer.readableBytesView)
            cursor = 0
        } else {
            input.append(contentsOf: buffer.readableBytesView)
        }
        process(context)
    }

    /// Works through the input until it is used up or something must be waited for.
    private func process(_ context: ChannelHandlerContext) {
        guard !isProcessing else { return }
        isProcessing = true
        while !isBlocked, !isClosing, cursor < input.count {
            if content != nil { takeContent(context) } else { takeLine(context) }
        }
        isProcessing = false
        flush(context)
        if !isBlocked, !isClosing { context.read() }
    }

    private func takeLine(_ context: ChannelHandlerContext) {
        let (consumed, step) = lines.consume(input[cursor...], limit: session.lineLimit)
        cursor += consumed
        switch step {
        case nil: break
        case .tooLong: perform(session.lineTooLong(), context)
        case .line(let line):
            guard session.takesCommand, case .success(let command) = Command.parse(line) else {
                return perform(session.receive(line), context)
            }
            intervene(context, at: command.verb, argument: command.argument) { [self] in
                perform(session.receive(line), context)
                facts.helloName = session.helloName
                facts.isExtended = session.isExtended
            }
        }
    }

    private func takeContent(_ context: ChannelHandlerContext) {
        guard let content else { return }
        let consumed = content.framer.consume(input[cursor...], into: &content.bytes)
        cursor += consumed
        content.octets += consumed
        if let end = content.framer.end { return contentEnded(end, content, context) }
        guard content.bytes.count >= SMTPServer.memoryOctets else { return }
        spill(content, context) { [self] in process(context) }
    }

    /// Moves what is in memory to the content's spill, then goes on.
    private func spill(_ content: IncomingContent, _ context: ChannelHandlerContext, then next: @escaping () -> Void) {
        if content.failure != nil {
            content.bytes.removeAll(keepingCapacity: true)
            return
        }
        do {
            let spill = try content.spill ?? delegate.makeSpill()
            content.spill = spill
            let piece = content.bytes
            content.bytes = []
            content.bytes.reserveCapacity(SMTPServer.memoryOctets + 4_096)
            waitFor(context, { try await spill.append(piece) }) { [self] result in
                if case .failure(let error) = result { fail(content, error) }
                next()
            }
        } catch {
            fail(content, error)
        }
    }

    private func fail(_ content: IncomingContent, _ error: any Error) {
        content.spill?.discard()
        content.spill = nil
        content.bytes.removeAll()
        content.failure = Reply(452, EnhancedStatusCode(4, 3, 1), "\(error)")
    }

    private func contentEnded(_ end: ContentEnd, _ content: IncomingContent, _ context: ChannelHandlerContext) {
        summary.octets += content.octets
        lastFinished = .now()
        if end == .complete, content.failure == nil, content.spill != nil, !content.bytes.isEmpty {
            spill(content, context) { [self] in contentEnded(end, content, context) }
            if isBlocked { return }
        }
        self.content = nil
        if let failure = content.failure {
            summary.refused += 1
            return perform(session.refuseContent(failure), context)
        }
        if end != .complete { content.spill?.discard() }
        received = content.spill.map { .spilled($0) } ?? .memory(content.bytes)
        perform(session.contentFinished(end), context)
        process(context)
    }

    private var received: ReceivedContent?

    // MARK: Actions

    private func perform(_ actions: [ServerSession.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .reply(let reply): self.reply(reply)
            case .ask(let question): ask(question, context)
            case .receiveContent:
                content = IncomingContent(
                    DataFramer(bareNewlines: options.bareNewlines, maximumOctets: options.session.maximumMessageOctets))
            case .startTLS: startTLS(context)
            case .close:
                if summary.end == "lost" { summary.end = "quit" }
                finish(context)
            }
        }
    }

    private func ask(_ question: ServerSession.Question, _ context: ChannelHandlerContext) {
        switch question {
        case .mail(let path, let parameters):
            perform(session.answer(delegate.sender(path, parameters, facts)), context)
        case .recipient(let path):
            guard let envelope = session.envelope else { return }
            perform(session.answer(delegate.recipient(path, envelope, facts)), context)
        case .credentials(let credentials):
            waitFor(context, { [delegate, facts] in await delegate.authenticate(credentials, facts) }) {
                [self] result in
                settle(result, context)
                facts.authenticatedUser = session.authenticatedUser
                process(context)
            }
        case .message(let envelope):
            let content = received ?? .memory([])
            received = nil
            intervene(context, at: "content", argument: envelope.recipients.first?.description ?? "", refused: content)
            { [self] in
                judge(envelope, content, context)
            }
        }
    }

    private func judge(_ envelope: Envelope, _ content: ReceivedContent, _ context: ChannelHandlerContext) {
        waitFor(context, { [delegate, facts] in await delegate.message(envelope, content, facts) }) { [self] result in
            lastFinished = .now()
            if case .success(.accept) = result {
                summary.accepted += 1
            } else if case .success(.reply(let reply)) = result, reply.isPositive {
                summary.accepted += 1
            } else {
                summary.refused += 1
            }
            settle(result, context)
            process(context)
        }
    }

    private func settle(_ result: Result<ServerSession.Verdict, any Error>, _ context: ChannelHandlerContext) {
        switch result {
        case .success(let verdict): perform(session.answer(verdict), context)
        case .failure(let error):
            perform(session.answer(.reply(Reply(451, EnhancedStatusCode(4, 3, 0), "\(error)"))), context)
        }
    }

    private func startTLS(_ context: ChannelHandlerContext) {
        guard cursor == input.count, !lines.isInLine, let tls = options.tls else {
            // CVE-2011-0411: a command in clear behind STARTTLS would be taken for one inside TLS.
            summary.end = "bytes behind STARTTLS"
            output.clear()
            reply(Reply(554, EnhancedStatusCode(5, 5, 1), "Bytes behind STARTTLS"))
            return finish(context)
        }
        flush(context)
        isBlocked = true
        do {
            try context.pipeline.syncOperations.addHandler(TLSHandler(server: tls), position: .before(self))
            context.read()
        } catch {
            summary.end = "TLS: \(error)"
            finish(context)
        }
    }

    private func intervene(
        _ context: ChannelHandlerContext, at event: String, argument: String, refused: ReceivedContent? = nil,
        then next: @escaping () -> Void
    ) {
        let intervention = delegate.intervene(at: event, argument: argument, facts)
        if case .spilled(let spill)? = refused, intervention != .proceed, !intervention.isDelay { spill.discard() }
        switch intervention {
        case .proceed: next()
        case .reply(let reply):
            if refused != nil { perform(session.answer(.reply(reply)), context) } else { self.reply(reply) }
        case .disconnect(let reply):
            summary.end = "script"
            self.reply(reply)
            finish(context)
        case .hangUp:
            summary.end = "script"
            output.clear()
            isClosing = true
            context.close(promise: nil)
        case .delay(let milliseconds):
            isBlocked = true
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) { [self] in
                isBlocked = false
                next()
                process(context)
            }
        }
    }

    /// Blocks the input until an async operation is through.
    private func waitFor<Value: Sendable>(
        _ context: ChannelHandlerContext, _ operation: @escaping @Sendable () async throws -> Value,
        then next: @escaping (Result<Value, any Error>) -> Void
    ) {
        isBlocked = true
        flush(context)
        let future = context.eventLoop.makeFutureWithTask { try await operation() }
        future.assumeIsolated().whenComplete { [self] result in
            isBlocked = false
            guard context.channel.isActive else { return }
            next(result)
        }
    }

    // MARK: Output

    private func reply(_ reply: Reply) { output.writeBytes(reply.serialized(enhanced: session.usesEnhancedCodes)) }

    private func flush(_ context: ChannelHandlerContext) {
        guard output.readableBytes > 0 else { return }
        let bytes = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    private func finish(_ context: ChannelHandlerContext) {
        guard !isClosing else { return }
        isClosing = true
        let bytes = output
        output = ByteBuffer()
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: sent)
        sent.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }
}

/// The content that is coming in.
private final class IncomingContent {
    var framer: DataFramer
    var bytes: [UInt8] = []
    var spill: (any ContentSpill)?
    var failure: Reply?
    var octets = 0
    let start = NIODeadline.now()

    init(_ framer: DataFramer) { self.framer = framer }
}

extension Intervention {
    fileprivate var isDelay: Bool {
        if case .delay = self { true } else { false }
    }
}
