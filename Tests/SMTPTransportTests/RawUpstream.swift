import NIOCore
import NIOPosix
import Synchronization

/// A server that says what a script says, fitting or not, and remembers every octet it was sent.
final class RawUpstream: Sendable {
    enum Heard: Sendable, Equatable {
        case connected
        case line(String)
        /// Octets of a content that has not ended.
        case body
        case end
    }

    enum Answer: Sendable {
        case say(String)
        case sayAndClose(String)
        /// These octets alone, without the end of a line, and then the end.
        case breakOff(String)
        /// Nothing more is read until ``RawUpstream/readOn()``.
        case sayAndStopReading(String)
        case nothing
    }

    /// What to answer on a connection, from 1; `nil` for what a good server says.
    typealias Script = @Sendable (_ connection: Int, _ heard: Heard) -> Answer?

    struct State {
        var received: [Int: [UInt8]] = [:]
        var channels: [Int: any Channel] = [:]
        var connections = 0
        var mostOpen = 0
    }

    let port: Int
    private let server: any Channel
    private let state: State.Box

    private init(server: any Channel, port: Int, state: State.Box) {
        self.server = server
        self.port = port
        self.state = state
    }

    static func start(_ script: @escaping Script = { _, _ in nil }) async throws -> RawUpstream {
        let box = State.Box()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RawHandler(box, script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RawUpstream(server: server, port: server.localAddress?.port ?? 0, state: box)
    }

    /// Says once, at the first that is heard of `heard`.
    static func once(_ heard: Heard, _ answer: Answer) -> Script {
        let isSaid = Atomic(false)
        return { _, now in now == heard && !isSaid.exchange(true, ordering: .relaxed) ? answer : nil }
    }

    var connections: Int { state.mutex.withLock { $0.connections } }
    var mostOpen: Int { state.mutex.withLock { $0.mostOpen } }
    var open: Int { state.mutex.withLock { $0.channels.count } }

    /// Everything a connection was sent.
    func received(_ connection: Int) -> String {
        String(decoding: state.mutex.withLock { $0.received[connection] ?? [] }, as: UTF8.self)
    }

    func readOn() async throws {
        for channel in state.mutex.withLock({ Array($0.channels.values) }) {
            try? await channel.setOption(.autoRead, value: true).get()
        }
    }

    func stop() async {
        try? await server.close()
        for channel in state.mutex.withLock({ Array($0.channels.values) }) { try? await channel.close() }
    }
}

extension RawUpstream.State {
    final class Box: Sendable {
        let mutex = Mutex(RawUpstream.State())
    }
}

private final class RawHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let state: RawUpstream.State.Box
    private let script: RawUpstream.Script
    private var number = 0
    private var pending: [UInt8] = []
    private var isContent = false

    init(_ state: RawUpstream.State.Box, _ script: @escaping RawUpstream.Script) {
        self.state = state
        self.script = script
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        number = state.mutex.withLock { state in
            state.connections += 1
            state.channels[state.connections] = channel
            state.mostOpen = max(state.mostOpen, state.channels.count)
            return state.connections
        }
        answer(.connected, context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.mutex.withLock { $0.channels[number] = nil }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        state.mutex.withLock { $0.received[number, default: []] += bytes }
        pending += bytes
        while take(context) {}
    }

    private func take(_ context: ChannelHandlerContext) -> Bool {
        let mark = Array((isContent ? "\r\n.\r\n" : "\r\n").utf8)
        if isContent, pending.starts(with: mark.dropFirst(2)) {
            pending.removeFirst(3)
            isContent = false
            answer(.end, context)
            return true
        }
        guard let range = pending.firstRange(of: mark) else {
            if isContent, !pending.isEmpty {
                pending = Array(pending.suffix(4))
                answer(.body, context)
            }
            return false
        }
        let line = String(decoding: pending[..<range.lowerBound], as: UTF8.self)
        pending.removeSubrange(..<range.upperBound)
        if isContent {
            isContent = false
            answer(.end, context)
        } else {
            answer(.line(line), context)
        }
        return true
    }

    private func answer(_ heard: RawUpstream.Heard, _ context: ChannelHandlerContext) {
        switch script(number, heard) ?? Self.good(heard) {
        case .nothing: break
        case .say(let text): say(text, context)
        case .sayAndClose(let text):
            say(text, context)
            context.close(promise: nil)
        case .breakOff(let octets):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: octets)), promise: nil)
            context.close(promise: nil)
        case .sayAndStopReading(let text):
            say(text, context)
            context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
        }
    }

    private func say(_ text: String, _ context: ChannelHandlerContext) {
        guard !text.isEmpty else { return }
        if text.split(whereSeparator: \.isNewline).last?.hasPrefix("354") == true { isContent = true }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text + "\r\n")), promise: nil)
    }

    private static func good(_ heard: RawUpstream.Heard) -> RawUpstream.Answer {
        switch heard {
        case .connected: return .say("220 raw")
        case .body: return .nothing
        case .end: return .say("250 queued")
        case .line(let line):
            switch line.prefix(4).uppercased() {
            case "EHLO": return .say("250-raw\r\n250 PIPELINING")
            case "DATA": return .say("354 go on")
            case "QUIT": return .sayAndClose("221 bye")
            default: return .say("250 ok")
            }
        }
    }
}
