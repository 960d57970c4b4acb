import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// One connection: a request at a time, in the order they came.
final class WebHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Between requests.
        case idle
        /// A request that is answered here; its body, if any, is skipped.
        case hit(HitAnswer, keepsAlive: Bool)
        /// A request for the router, until its body is there.
        case receiving(HTTPRequestHead, ByteBuffer)
        /// What is wrong with the request; its end is awaited.
        case refusing(HTTPResponseStatus)
        /// The router or the block list is asked.
        case answering
        /// The last response was written.
        case closing
    }

    private let server: WebServer
    private var state = State.idle
    private var waiting: [HTTPServerRequestPart] = []
    private var isReading = true
    private var isDraining = false
    /// When the time for the next request began: octets alone do not prolong it, or a slow client would stay for ever.
    private var lastAnswer: NIODeadline
    private var timer: Scheduled<Void>?
    private var task: Task<Void, Never>?
    private let peer: String
    private let entry: WebConnections.Entry?
    /// Time for the request that comes now, from ``lastAnswer`` on.
    private var requestTime: TimeAmount

    /// - Parameters:
    ///   - since: when the time for the request that comes now began.
    ///   - isFirst: whether it is the connection's first.
    init(
        server: WebServer, peer: String, entry: WebConnections.Entry? = nil, since: NIODeadline, isFirst: Bool = false
    ) {
        self.server = server
        self.peer = peer
        self.entry = entry
        lastAnswer = since
        requestTime = isFirst ? WebLimits.firstRequestTime : WebLimits.idleTime
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        watch(context, after: max(.nanoseconds(0), lastAnswer + requestTime - context.eventLoop.now))
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        task?.cancel()
        state = .closing
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        // What cannot be answered now waits; nothing more is read meanwhile, so that it is one buffer's worth.
        waiting.append(part)
        drain(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    func channelWritabilityChanged(context: ChannelHandlerContext) { drain(context) }

    /// Takes what waits, for as long as the client takes the answers.
    private func drain(_ context: ChannelHandlerContext) {
        // A flush may call back here.
        guard !isDraining else { return }
        isDraining = true
        var taken = 0
        while taken < waiting.count, !isAnswering {
            if !context.channel.isWritable { context.flush() }
            guard context.channel.isWritable else { break }
            taken += 1
            take(waiting[taken - 1], context)
        }
        waiting.removeFirst(taken)
        isDraining = false
        let mayRead = context.channel.isWritable && waiting.isEmpty && !isAnswering
        guard mayRead != isReading else { return }
        isReading = mayRead
        try? context.channel.syncOptions?.setOption(.autoRead, value: mayRead)
    }

    private var isAnswering: Bool { if case .answering = state { true } else { false } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .closing = state { return }
        // An answer that is under way must not be mixed with another.
        if case .answering = state { return context.close(promise: nil) }
        guard let error = error as? HTTPParserError else {
            state = .closing
            return context.close(promise: nil)
        }
        let status: HTTPResponseStatus = error == .headerOverflow ? .requestHeaderFieldsTooLarge : .badRequest
        close(context, after: WebResponse.plain(status, keepsAlive: false))
    }

    private func watch(_ context: ChannelHandlerContext, after time: TimeAmount) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = bound.value
            let left = handler.lastAnswer + handler.requestTime - context.eventLoop.now
            if case .answering = handler.state { return handler.watch(context, after: WebLimits.idleTime) }
            if left > .nanoseconds(0) { return handler.watch(context, after: left) }
            context.close(promise: nil)
        }
    }

    // MARK: Requests

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch (state, part) {
        case (.idle, .head(let head)): begin(head, context)
        case (.receiving(let head, var body), .body(let piece)):
            if body.readableBytes + piece.readableBytes > WebLimits.bodyOctets {
                state = .refusing(.payloadTooLarge)
            } else {
                state = .idle
                body.writeImmutableBuffer(piece)
                state = .receiving(head, body)
            }
        case (.hit(let answer, let keepsAlive), .end): finish(answer, keepsAlive: keepsAlive, context)
        case (.receiving(let head, let body), .end): route(head, body, context)
        case (.refusing(let status), .end), (.refusing(let status), .body):
            close(context, after: WebResponse.plain(status, keepsAlive: false))
        case (.hit, .body), (.closing, _), (.answering, _), (.idle, _), (.receiving, .head), (.hit, .head),
            (.refusing, .head):
            break
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.uri.utf8.count <= WebLimits.targetOctets else {
            state = .refusing(.uriTooLong)
            return
        }
        guard RequestHeadCheck.isSound(head) else {
            state = .refusing(.badRequest)
            return
        }
        if let (kind, token) = HitPath.parse(head.uri, server.prefixes().all) {
            let answer = server.hits.answer(kind, token, HitRequest(head), from: peer)
            state = .hit(answer, keepsAlive: head.isKeepAlive)
        } else if head.headers.contains(name: "expect") {
            state = .refusing(.expectationFailed)
        } else {
            state = .receiving(head, ByteBuffer())
        }
    }

    private func finish(_ answer: HitAnswer, keepsAlive: Bool, _ context: ChannelHandlerContext) {
        guard case .asksForTag(let message, let otherwise) = answer else {
            let response = WebResponse.hit(answer, keepsAlive: keepsAlive)
            guard keepsAlive else { return close(context, after: response) }
            begin(context)
            return write(response, context)
        }
        // A block list that names tags: whose mail it is must be looked up.
        let server = server
        start(context) { writer in
            let isBlocked = await server.hits.isBlocked(message)
            let answer = isBlocked ? HitAnswer.blocked(isHead: otherwise.isHead) : otherwise
            try await writer.send(WebResponse.hit(answer, keepsAlive: keepsAlive))
            return keepsAlive
        }
    }

    private func route(_ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext) {
        let keepsAlive = head.isKeepAlive
        guard let request = WebRequest.make(head, body) else {
            return close(context, after: WebResponse.plain(.badRequest, keepsAlive: false))
        }
        let server = server
        let channel = context.channel
        let peer = peer
        start(context) { writer in
            let source = ApplicationRequestContextSource(channel: channel, logger: server.logger)
            let response: Response
            do {
                var web = WebContext(source: source)
                web.peer = peer
                web.isOldVersion = head.version == .http1_0
                response = try await server.router.respond(to: request, context: web)
            } catch {
                server.logger.error("request failed", metadata: ["error": "\(error)"])
                response = Response(status: .internalServerError)
            }
            return try await writer.send(response, isHead: head.method == .HEAD, keepsAlive: keepsAlive)
        }
    }

    /// Runs what cannot be answered at once.
    /// - Parameter body: returns whether the connection stays open.
    private func start(
        _ context: ChannelHandlerContext, _ body: @escaping @Sendable (ChannelWriter) async throws -> Bool
    ) {
        state = .answering
        entry?.answers()
        let writer = ChannelWriter(channel: context.channel)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        task = Task {
            let staysOpen = (try? await body(writer)) ?? false
            loop.execute {
                let (handler, context) = bound.value
                handler.answered(staysOpen: staysOpen, context)
            }
        }
    }

    /// From now on the next request is awaited.
    private func begin(_ context: ChannelHandlerContext) {
        state = .idle
        lastAnswer = context.eventLoop.now
        requestTime = WebLimits.idleTime
        entry?.awaits(since: lastAnswer)
    }

    private func answered(staysOpen: Bool, _ context: ChannelHandlerContext) {
        task = nil
        guard case .answering = state else { return }
        guard staysOpen else { return close(context) }
        begin(context)
        drain(context)
        context.flush()
    }

    private func write(_ response: ByteBuffer, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(response), promise: nil)
    }

    /// Closes once everything is written.
    private func close(_ context: ChannelHandlerContext, after response: ByteBuffer = ByteBuffer()) {
        state = .closing
        // Whoever does not take the last answer is waited for as long as for a request, and makes room for others.
        lastAnswer = context.eventLoop.now
        entry?.awaits(since: lastAnswer)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(response)).assumeIsolated().whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }
}

/// Writes a response from a task.
struct ChannelWriter: Sendable {
    let channel: any Channel

    /// Waits for the client to take it, though not for ever.
    func send(_ bytes: ByteBuffer) async throws {
        let deadline = channel.eventLoop.scheduleTask(in: WebLimits.idleTime) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        try await channel.writeAndFlush(bytes)
    }

    /// - Returns: whether the connection may stay open.
    func send(_ response: Response, isHead: Bool, keepsAlive: Bool) async throws -> Bool {
        // Of a HEAD the router has the length that GET would have, where it knows it.
        let length = isHead ? response.headers[.contentLength].flatMap { Int($0) } : response.body.contentLength
        try await send(
            WebResponse.head(response, length: length, keepsAlive: keepsAlive && (length != nil || isHead)))
        guard !isHead, length != 0 else { return keepsAlive }
        // Without a length the end of the connection is the end of the body: event streams are the only such.
        try await response.body.write(BodyWriter(writer: self))
        return keepsAlive && length != nil
    }

    private struct BodyWriter: ResponseBodyWriter {
        let writer: ChannelWriter
        func write(_ buffer: ByteBuffer) async throws { try await writer.send(buffer) }
        func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
