import NIOCore
import OpenSSLBridge
import SMTPProtocol

extension ServerHandler {
    // MARK: Commands and content

    func takeLine(_ context: ChannelHandlerContext) {
        let (consumed, step) = lines.consume(input[cursor...], limit: session.lineLimit)
        cursor += consumed
        switch step {
        case nil: break
        case .tooLong: perform(session.lineTooLong(), context)
        case .line(let line):
            let hasMore = cursor < input.count
            guard session.takesCommand, case .success(let command) = Command.parse(line) else {
                return perform(session.receive(line, hasMore: hasMore), context)
            }
            intervene(context, at: command.verb, argument: command.argument) { [self] in
                perform(session.receive(line, hasMore: hasMore), context)
                facts.helloName = session.helloName
                facts.isExtended = session.isExtended
            }
        }
    }

    func takeContent(_ content: IncomingContent<Delegate.Spill>, _ context: ChannelHandlerContext) {
        let consumed = content.framer.consume(input[cursor...], into: &content.bytes)
        cursor += consumed
        content.octets += consumed
        if let end = content.framer.end { return contentEnded(end, content, context) }
        guard content.bytes.count >= SMTPServer.memoryOctets else { return }
        spill(content, context) { [self] in phase = .content(content) }
    }

    /// Moves what is in memory to the content's spill, then goes on.
    private func spill(
        _ content: IncomingContent<Delegate.Spill>, _ context: ChannelHandlerContext, then next: @escaping () -> Void
    ) {
        guard content.failure == nil else {
            content.bytes.removeAll(keepingCapacity: true)
            return
        }
        do {
            let spill = try content.spill ?? delegate.makeSpill()
            content.spill = spill
            let piece = content.bytes
            content.bytes = []
            content.bytes.reserveCapacity(SMTPServer.memoryOctets + 4_096)
            waitFor(context, holding: content, { try await spill.append(piece) }) { result in
                if case .failure(let error) = result { content.fail(error) }
                next()
            }
        } catch {
            content.fail(error)
        }
    }

    private func contentEnded(
        _ end: ContentEnd, _ content: IncomingContent<Delegate.Spill>, _ context: ChannelHandlerContext
    ) {
        if end == .complete, content.failure == nil, content.spill != nil, !content.bytes.isEmpty {
            spill(content, context) { [self] in contentEnded(end, content, context) }
            if case .verdict = phase { return }
        }
        summary.octets += content.octets
        lastFinished = .now()
        phase = .commands
        if let failure = content.failure {
            summary.refused += 1
            return perform(session.refuseContent(failure), context)
        }
        let actions = session.contentFinished(end)
        for action in actions {
            if case .ask(.message(let envelope)) = action {
                judge(envelope, content.spill.map { .spilled($0) } ?? .memory(content.bytes), context)
            } else {
                // The session itself has something against it.
                content.discard()
                summary.refused += 1
                perform([action], context)
            }
        }
    }

    private func judge(
        _ envelope: Envelope, _ content: ReceivedContent<Delegate.Spill>, _ context: ChannelHandlerContext
    ) {
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
        }
    }

    // MARK: Actions

    func perform(_ actions: [ServerSession.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .reply(let reply): self.reply(reply)
            case .ask(let question): ask(question, context)
            case .receiveContent:
                phase = .content(
                    IncomingContent(
                        DataFramer(
                            bareNewlines: options.bareNewlines, maximumOctets: options.session.maximumMessageOctets)))
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
            }
        case .message:
            // Only a content that has ended asks it, and goes with the question: see contentEnded.
            perform(session.answer(.reply(Reply(451, EnhancedStatusCode(4, 3, 0), "The content is missing"))), context)
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
        phase = .handshake
        do {
            let handler = try TLSHandler(server: tls)
            handler.passesHalfClose = true
            try context.pipeline.syncOperations.addHandler(handler, position: .before(self))
            context.read()
        } catch {
            summary.end = "TLS: \(error)"
            cut(context)
        }
    }

    /// Lets the delegate step in; `next` is what would happen without it.
    func intervene(
        _ context: ChannelHandlerContext, at event: String, argument: String, then next: @escaping () -> Void
    ) {
        switch delegate.intervene(at: event, argument: argument, facts) {
        case .proceed: next()
        case .reply(let reply): self.reply(reply)
        case .disconnect(let reply):
            summary.end = "script"
            self.reply(reply)
            finish(context)
        case .hangUp:
            summary.end = "script"
            cut(context)
        case .delay(let milliseconds):
            let number = wait(holding: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(milliseconds))) { [self] in
                guard resume(number, context) else { return }
                next()
                process(context)
            }
        }
    }

    // MARK: Waiting

    private func wait(holding content: IncomingContent<Delegate.Spill>?) -> Int {
        waits += 1
        phase = .verdict(number: waits, content)
        return waits
    }

    /// Whether the wait is still on: neither the connection nor its patience has ended.
    private func resume(_ number: Int, _ context: ChannelHandlerContext) -> Bool {
        guard case .verdict(number: number, _) = phase, context.channel.isActive else { return false }
        phase = .commands
        lastActivity = .now()
        return true
    }

    /// Takes no input until an async operation is through.
    private func waitFor<Value: Sendable>(
        _ context: ChannelHandlerContext, holding content: IncomingContent<Delegate.Spill>? = nil,
        _ operation: @escaping @Sendable () async throws -> Value,
        then next: @escaping (Result<Value, any Error>) -> Void
    ) {
        let number = wait(holding: content)
        flush(context)
        let promise = context.eventLoop.makePromise(of: Value.self)
        judgement = Task {
            do {
                promise.succeed(try await operation())
            } catch {
                promise.fail(error)
            }
        }
        promise.futureResult.assumeIsolated().whenComplete { [self] result in
            guard resume(number, context) else { return }
            next(result)
            process(context)
        }
    }
}
