import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import TrackingWeb

struct Checksum: TokenAuthenticating {
    let secret: [UInt8]

    func authenticationCode(for bytes: [UInt8]) -> [UInt8] {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        var code: [UInt8] = []
        for round in 0..<32 {
            for byte in secret + bytes + [UInt8(round)] { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
            code.append(UInt8(truncatingIfNeeded: state >> 32))
        }
        return code
    }
}

final class Sink: EventSink {
    let hits = Mutex<[HitRecord]>([])
    func record(_ event: Event) { if case .hit(let hit) = event { hits.withLock { $0.append(hit) } } }
}

struct Answer {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    let body: String
}

final class Writer: ResponseBodyWriter, Sendable {
    let body = Mutex(ByteBuffer())
    func write(_ buffer: ByteBuffer) async throws { _ = body.withLock { $0.writeImmutableBuffer(buffer) } }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

/// A tracking host in memory.
struct Site {
    let sink = Sink()
    let codec: TokenCodec
    let message: TrackingMessageID
    let service: WebService
    let store: FakeStore

    init(
        scope: WebListener.Scope = .console, isReady: Bool = true, blocked: BlockList = BlockList(),
        proxies: [IPNetwork] = [], store: FakeStore = FakeStore(), connections: WebConnections? = nil,
        access change: (inout ConsoleAccess) -> Void = { _ in }
    ) throws {
        var ring = KeyRing(keys: [])
        _ = ring.add(secret: [UInt8](repeating: 7, count: 32), created: 1)
        codec = try #require(TokenCodec(ring: ring) { Checksum(secret: $0) })
        message = try #require(TrackingMessageID(bytes: Array(0..<10)))
        self.store = store
        var responder = HitResponder(codec: codec, sink: sink, trustedProxies: proxies, now: { 77 })
        responder.blockList = { blocked }
        let key = Checksum(secret: [1])
        var access = ConsoleAccess(authenticate: { key.authenticationCode(for: $0) }, now: { 1_000 })
        change(&access)
        var parts = WebParts(
            responder: responder, prefixes: { HitPrefixes(["/t"]) },
            readiness: { Readiness(isReady: isReady, text: isReady ? "ok" : "disk full") }, metrics: { "m 1\n" },
            access: access, logger: Logger(label: "test"))
        var policy = TagPolicy(baseURL: try BaseURL("https://t.example.com/t"))
        policy.about = store.text
        let lines = PolicyLine.all(of: policy, origins: [:])
        let services = ConsoleServices(
            hostname: "relay.test", events: store, queue: store, policies: { ["news": lines] }, sentences: [:],
            source: { await store.source($0, $1) }, health: { [("Disk", [HealthCheck("data", .good, "free")])] },
            now: { 1_795_564_800_000 })
        parts.console = try Console(services: services, access: access)
        if let connections { parts.connections = connections }
        service = WebService(
            listener: WebListener(host: "127.0.0.1", port: 0, scope: scope), parts: parts)
    }

    /// What one connection is answered to these octets.
    /// - Parameter isPlain: whether plain hits are answered in front of the parser, as they are for a client.
    func send(_ text: String, from peer: String = "192.0.2.1", isPlain: Bool = true) throws -> String {
        let channel = EmbeddedChannel()
        channel.remoteAddress = try SocketAddress(ipAddress: peer, port: 1)
        if isPlain {
            try channel.pipeline.syncOperations.addHandler(PlainHitHandler(server: service.server()))
        } else {
            try channel.pipeline.syncOperations.addHandlers(
                ByteToMessageHandler(WebServer.decoder()),
                WebHandler(server: service.server(), peer: peer, since: .now()))
        }
        channel.pipeline.fireChannelActive()
        _ = try? channel.writeInbound(ByteBuffer(string: text))
        channel.embeddedEventLoop.run()
        var answer = ""
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { answer += String(buffer: piece) }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return answer
    }

    func get(_ path: String, _ headers: String = "") throws -> String {
        try send("GET \(path) HTTP/1.1\r\nHost: t.test\r\n\(headers)\r\n")
    }

    /// What the router answers.
    func execute(
        _ path: String, _ method: HTTPRequest.Method = .get, _ headers: HTTPFields = [:], body: String = "",
        host: String = "127.0.0.1:8025", peer: String = "127.0.0.1", isOldVersion: Bool = false,
        writer: Writer = Writer()
    ) async throws -> Answer {
        let channel = EmbeddedChannel()
        var context = WebContext(
            source: ApplicationRequestContextSource(channel: channel, logger: Logger(label: "test")))
        context.peer = peer
        context.isOldVersion = isOldVersion
        let head = HTTPRequest(method: method, scheme: "http", authority: host, path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body)))
        let response = try await service.router().buildResponder().respond(to: request, context: context)
        try await response.body.write(writer)
        return Answer(
            status: response.status, headers: response.headers, body: writer.body.withLock { String(buffer: $0) })
    }

    func click(_ target: String) throws -> String {
        let token = Token(message: message, recipient: 3, content: .click(number: 1, target: Array(target.utf8)))
        return String(decoding: try #require(codec.encode(token, key: codec.signingKey)), as: UTF8.self)
    }

    func pixel() throws -> String {
        let token = Token(message: message, recipient: 3, content: .open)
        return String(decoding: try #require(codec.encode(token, key: codec.signingKey)), as: UTF8.self)
    }
}

/// A store with one mail, one event and one queued mail, whose every text is `text`.
final class FakeStore: EventSource, QueueDesk {
    struct Down: Error, CustomStringConvertible { let description = "the store is down" }

    let text: String
    let isDown: Bool
    let performed = Mutex<[String]>([])

    init(text: String = "text", isDown: Bool = false) {
        self.text = text
        self.isDown = isDown
    }

    private func check() throws { if isDown { throw Down() } }

    private var figures: Figures {
        var figures = Figures()
        for figure in Figure.allCases { figures[figure] = 3 }
        return figures
    }

    private var event: StoredEvent {
        StoredEvent(
            sequence: 5, time: 1, kind: "click", message: String(repeating: "0", count: 20), queueID: text, tag: text,
            recipient: 0, address: text, link: 1, url: text, result: text, evidence: text, client: text, agent: text,
            upstream: text, reply: text, passedThrough: text, sharedBy: 2)
    }

    private var mail: StoredMail {
        StoredMail(
            message: String(repeating: "0", count: 20), queueID: text, time: 1, tag: text, fromDomain: text,
            subject: text,
            untracked: text, privacy: text, recipients: 1, sent: 1, deferred: 0, failed: 0, opened: 1, clicked: 1)
    }

    func daily(from: Int64, to: Int64) throws -> [String: Figures] {
        try check(); return [text: figures, "news": figures]
    }
    func figures(from: Int64, to: Int64) throws -> [String: Figures] { try daily(from: from, to: to) }
    func series(tag: String?, from: Int64, to: Int64, _ granularity: Granularity) throws -> [FigureStep] {
        try check()
        return [FigureStep(time: from, figures: figures)]
    }
    func pages(tag: String, from: Int64, to: Int64, limit: Int) throws -> [PageFigures] {
        [PageFigures(page: text, clicks: 2, uniqueClicks: 1)]
    }
    func reasons(tag: String?, from: Int64, to: Int64) throws -> [ReasonCount] {
        [ReasonCount(kind: text, reason: text, count: 1)]
    }
    func tags() throws -> [String] { try check(); return [text] }
    func mails(_ filter: MailFilter) throws -> [StoredMail] { try check(); return [mail] }
    func mail(_ id: String) throws -> StoredMailDetail? {
        try check()
        guard id != "unknown" else { return nil }
        let copy = StoredCopy(
            recipient: 0, address: text, status: text, delivered: 1, opened: 1, isOpenInferred: true, clicked: 1)
        return StoredMailDetail(mail: mail, copies: [copy], events: [event])
    }
    func events(_ filter: EventFilter) throws -> [StoredEvent] { try check(); return [event] }
    func lastSequence() throws -> Int64 { try check(); return 5 }

    func list(after: String?, limit: Int) throws -> [QueueEntry] {
        try check()
        return [
            QueueEntry(
                id: text, arrival: 1, nextAttempt: 2, expires: 3, upstream: text, from: text, octets: 4, attempts: 5,
                held: false, damaged: false, tag: text,
                recipients: [QueueEntry.Recipient(address: text, state: "waiting", lastReply: text)])
        ]
    }
    func count() throws -> Int { 1 }
    func troubled() throws -> (failed: Int, damaged: Int) { (0, 0) }

    func entry(_ id: String) throws -> QueueEntry? { id == "unknown" ? nil : try list(after: nil, limit: 1)[0] }
    func perform(_ action: QueueAction, _ id: String?) throws -> Int {
        try check()
        performed.withLock { $0.append("\(action) \(id ?? "all")") }
        return id == "unknown" ? 0 : 1
    }

    func source(_ message: String, _ queueID: String) async -> MailSource? {
        MailSource(
            original: Array(text.utf8), sent: Array(text.utf8), report: text, originalHTML: text, sentHTML: text)
    }
}
