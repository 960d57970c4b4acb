import NIOCore
import NIOHTTP1

/// In front of a connection: answers plain hits from the octets, and puts the full parser in place for all else.
final class PlainHitHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: WebServer
    private var peer = ""
    private var isPlain = true
    private var isClosing = false
    private var lastAnswer = NIODeadline.distantPast
    private var hasAnswered = false
    private var timer: Scheduled<Void>?
    private var entry: WebConnections.Entry?

    init(server: WebServer) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
        // The channel's own copy: the context would ask the system again.
        peer = context.channel.remoteAddress?.ipAddress ?? ""
        entry = server.connections.enter(context.channel, peer: peer)
        guard entry != nil else {
            isClosing = true
            return context.close(promise: nil)
        }
        lastAnswer = context.eventLoop.now
        watch(context, after: WebLimits.firstRequestTime)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let entry { server.connections.leave(entry) }
        entry = nil
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isPlain else { return context.fireChannelRead(data) }
        guard !isClosing else { return }
        // Where tags are blocked, whose mail it is must be looked up: the full handler can wait.
        guard !server.hits.asksForTags,
            let plain = PlainRequest(unwrapInboundIn(data), prefixes: server.prefixes().all)
        else {
            return handOver(data, context)
        }
        let answer = server.hits.answer(plain.kind, plain.token, plain.request, from: peer)
        lastAnswer = context.eventLoop.now
        hasAnswered = true
        entry?.awaits(since: lastAnswer)
        finish(WebResponse.hit(answer, keepsAlive: plain.keepsAlive), keepsAlive: plain.keepsAlive, context)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isPlain, context.channel.isWritable { try? context.channel.syncOptions?.setOption(.autoRead, value: true) }
        context.fireChannelWritabilityChanged()
    }

    private func finish(_ response: ByteBuffer, keepsAlive: Bool, _ context: ChannelHandlerContext) {
        guard !keepsAlive else {
            context.writeAndFlush(wrapOutboundOut(response), promise: nil)
            // Whoever does not take answers is not asked for more.
            if !context.channel.isWritable { try? context.channel.syncOptions?.setOption(.autoRead, value: false) }
            return
        }
        isClosing = true
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(response)).assumeIsolated().whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }

    private func handOver(_ data: NIOAny, _ context: ChannelHandlerContext) {
        isPlain = false
        timer?.cancel()
        do {
            try context.pipeline.syncOperations.addHandlers(
                ByteToMessageHandler(WebServer.decoder()),
                WebHandler(
                    server: server, peer: peer, entry: entry, since: lastAnswer,
                    isFirst: !hasAnswered))
        } catch {
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
    }

    private func watch(_ context: ChannelHandlerContext, after time: TimeAmount) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = bound.value
            let time = handler.hasAnswered ? WebLimits.idleTime : WebLimits.firstRequestTime
            let left = handler.lastAnswer + time - context.eventLoop.now
            if left > .nanoseconds(0) { return handler.watch(context, after: left) }
            context.close(promise: nil)
        }
    }
}
