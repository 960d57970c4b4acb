import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import TrackingWeb

private struct Checksum: TokenAuthenticating {
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

private final class Sink: EventSink {
    let hits = Mutex<[HitRecord]>([])
    func record(_ event: Event) { if case .hit(let hit) = event { hits.withLock { $0.append(hit) } } }
}

private struct Answer {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    let body: ByteBuffer
}

private final class Writer: ResponseBodyWriter, Sendable {
    let body = Mutex(ByteBuffer())
    func write(_ buffer: ByteBuffer) async throws { _ = body.withLock { $0.writeImmutableBuffer(buffer) } }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

private struct Site {
    let sink = Sink()
    let codec: TokenCodec
    let message: TrackingMessageID
    let service: WebService

    init(isTrackingOnly: Bool = false, isReady: Bool = true) throws {
        var ring = KeyRing(keys: [])
        _ = ring.add(secret: [UInt8](repeating: 7, count: 32), created: 1)
        codec = try #require(TokenCodec(ring: ring) { Checksum(secret: $0) })
        message = try #require(TrackingMessageID(bytes: Array(0..<10)))
        let responder = HitResponder(codec: codec, sink: sink, trustedProxies: [], now: { 77 })
        service = WebService(
            listener: WebListener(host: "127.0.0.1", port: 0, isTrackingOnly: isTrackingOnly), responder: responder,
            prefixes: ["/t"],
            readiness: { Readiness(isReady: isReady, text: isReady ? "ok" : "disk full") },
            logger: Logger(label: "test"))
    }

    /// What the router answers.
    func execute(uri: String, method: HTTPRequest.Method, headers: HTTPFields = [:]) async throws -> Answer {
        let channel = EmbeddedChannel()
        let context = WebContext(
            source: ApplicationRequestContextSource(channel: channel, logger: Logger(label: "test")))
        let head = HTTPRequest(method: method, scheme: "http", authority: "t.test", path: uri, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let response = try await service.router().buildResponder().respond(to: request, context: context)
        let writer = Writer()
        try await response.body.write(writer)
        return Answer(status: response.status, headers: response.headers, body: writer.body.withLock { $0 })
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

@Test(arguments: [
    ("https://a.test/?a=1&b=2#frag", "https://a.test/?a=1&b=2#frag"),
    ("http://a.test/%20x/../y", "http://a.test/%20x/../y"),
    ("https://a.test/é?q=ü", "https://a.test/%C3%A9?q=%C3%BC"),
    ("https://a.test/\r\nSet-Cookie: x", "https://a.test/%0D%0ASet-Cookie:%20x"),
])
func aClickLeadsToItsTarget(_ target: String, _ location: String) async throws {
    let site = try Site()
    let token = try site.click(target)
    do {
        for path in ["/c/\(token)", "/t/c/\(token)", "/c/\(token)?utm_source=x&fbclid=y"] {
            do {
                let response = try await site.execute(uri: path, method: .get)
                #expect(response.status == .found)
                #expect(response.headers[.location] == location)
                #expect(response.headers[.cacheControl] == "no-store, private")
                #expect(response.headers[HTTPField.Name.referrerPolicy] == "no-referrer")
                #expect(response.headers[HTTPField.Name.robotsTag] == "noindex")
            }
        }
    }
    let hits = site.sink.hits.withLock { $0 }
    #expect(hits.count == 3)
    #expect(hits[0].recipient == 3 && hits[0].link == 1 && hits[0].time == 77 && hits[0].message == site.message)
}

@Test func forgedAlteredAndMovedTokensLeadNowhere() async throws {
    let site = try Site()
    let click = try site.click("https://a.test/")
    let pixel = try site.pixel()
    var altered = Array(click)
    altered[20] = altered[20] == "A" ? "B" : "A"
    let bad = [
        "/c/x", "/c/\(String(altered))", "/c/\(pixel)", "/c/\(click.dropLast())", "/c/\(click)A",
        "/c/https://evil.test", "/x", "/",
    ]
    do {
        for path in bad {
            do {
                let response = try await site.execute(uri: path, method: .get)
                #expect(response.status == .notFound, "\(path)")
                #expect(response.headers[.location] == nil)
                #expect(String(buffer: response.body) == HitResponder.notFound)
            }
        }
        for path in ["/o/x.gif", "/o/\(click).gif"] {
            do {
                let response = try await site.execute(uri: path, method: .get)
                #expect(response.status == .notFound)
                #expect(Array(buffer: response.body) == HitResponder.gif)
            }
        }
    }
    #expect(site.sink.hits.withLock { $0.isEmpty })
}

@Test func thePixelIsAGIFOf43OctetsAndHeadIsAMachine() async throws {
    let site = try Site()
    let pixel = try site.pixel()
    do {
        do {
            let response = try await site.execute(
                uri: "/o/\(pixel).gif", method: .get, headers: [.userAgent: "Firefox"])
            #expect(response.status == .ok && response.headers[.contentType] == "image/gif")
            #expect(response.body.readableBytes == 43 && Array(buffer: response.body).starts(with: "GIF89a".utf8))
        }
        do {
            let response = try await site.execute(uri: "/o/\(pixel).gif", method: .head)
            #expect(response.status == .ok)
        }
        do {
            let response = try await site.execute(uri: "/c/\(try site.click("https://a.test"))", method: .head)
            #expect(response.status == .found && response.headers[.location] == "https://a.test")
        }
        var headers: HTTPFields = [.userAgent: "Firefox"]
        headers[HTTPField.Name.secGPC] = "1"
        _ = try await site.execute(uri: "/o/\(pixel).gif", method: .get, headers: headers)
    }
    let hits = site.sink.hits.withLock { $0 }
    #expect(hits.map(\.hitClass) == [.human, .head, .head, .human])
    #expect(hits[3].agent.isEmpty && hits[3].client.isEmpty)
}

@Test func healthIsNotForTheInternet() async throws {
    for (isTrackingOnly, isReady, live, ready) in [
        (false, true, 200, 200), (false, false, 200, 503), (true, true, 404, 404),
    ] {
        let site = try Site(isTrackingOnly: isTrackingOnly, isReady: isReady)
        do {
            #expect(try await site.execute(uri: "/livez", method: .get).status.code == live)
            #expect(try await site.execute(uri: "/readyz", method: .get).status.code == ready)
        }
    }
}
