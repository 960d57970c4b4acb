import NIOCore
import NIOEmbedded
import NIOPosix
import TestSupport
import Testing
import Tracking

@testable import TrackingWeb

private let proxies = ForwardedClient(trustedProxies: ["10.0.0.0/8"].compactMap { IPNetwork($0) })

@Test func aClientHasSoManyConnections() {
    let connections = WebConnections(maximum: 100, maximumPerClient: 3, clients: proxies)
    func enter(_ peer: String) -> WebConnections.Entry? { connections.enter(EmbeddedChannel(), peer: peer) }
    let own = (0..<4).map { _ in enter("192.0.2.1") }
    #expect(own.map { $0 != nil } == [true, true, true, false])
    // One IPv6 client has a /64 to itself.
    let many = (1...4).map { enter("2001:db8::\($0)") }
    #expect(many.map { $0 != nil } == [true, true, true, false])
    #expect(enter("2001:db8:0:1::1") != nil && enter("192.0.2.2") != nil)
    // Whoever speaks for others has no such limit.
    for peer in ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1", "10.1.2.3"] {
        for _ in 0..<5 { #expect(enter(peer) != nil, "\(peer)") }
    }
    #expect(connections.status == WebConnections.Status(open: 33, refused: 2, displaced: 0))
    if let first = own.first ?? nil { connections.leave(first) }
    #expect(enter("192.0.2.1") != nil && enter("192.0.2.1") == nil)
}

@Test func theLongestSilentMakesRoom() throws {
    let connections = WebConnections(maximum: 3, maximumPerClient: 10, clients: proxies)
    let channels = (0..<5).map { _ in EmbeddedChannel() }
    for channel in channels { try channel.connect(to: SocketAddress(ipAddress: "192.0.2.9", port: 1)).wait() }
    let entries = channels.prefix(3).map { connections.enter($0, peer: "192.0.2.1") }
    entries[0]?.answers()
    entries[1]?.awaits(since: .uptimeNanoseconds(2))
    entries[2]?.awaits(since: .uptimeNanoseconds(1))
    let fourth = connections.enter(channels[3], peer: "192.0.2.2")
    channels[2].embeddedEventLoop.run()
    #expect(fourth != nil && channels.map(\.isActive) == [true, true, false, true, true])
    // Where all are answered nobody has to go.
    entries[1]?.answers()
    fourth?.answers()
    #expect(connections.enter(channels[4], peer: "192.0.2.2") == nil)
    #expect(connections.status == WebConnections.Status(open: 3, refused: 1, displaced: 1))
    // It was counted out already.
    if let third = entries[2] { connections.leave(third) }
    #expect(connections.status.open == 3)
}

/// Over sockets: clients who say nothing cost no more than the limit, and who asks is answered.
@Test func whoSaysNothingDoesNotKeepOthersOut() async throws {
    let site = try Site(scope: .tracking, connections: WebConnections(maximum: 20, clients: proxies))
    let channels = try await site.service.server().bind(on: MultiThreadedEventLoopGroup.singleton)
    defer { for channel in channels { channel.close(promise: nil) } }
    let port = try #require(channels.first?.localAddress?.port)
    let silent = try await onOwnThread {
        try (0..<60).map { number in
            let client = try RawClient(port: port)
            try client.say(number % 2 == 0 ? "" : "GET /o/x.gif HTTP/1.1\r\nHo")
            return client
        }
    }
    // All sixty are heard of before anybody asks.
    let connections = site.service.server().connections
    #expect(try await eventually { connections.status.displaced == 40 } && silent.count == 60)
    for _ in 0..<30 {
        let answer = try await RawClient.talk(port) { client in
            try client.say("GET /o/x.gif HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            return try client.hearAll()
        }
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
        #expect(connections.status.open <= 20)
    }
    #expect(connections.status.displaced > 40)
}

/// Deadlines are of a request: neither octets that drip in nor an answer that nobody takes prolong them.
@Test(arguments: [
    ("", 10), ("GET /o/x.gif HTTP/1.1\r\nX: ", 10),
    ("POST /login HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nx", 10),
    ("GET /o/x.gif HTTP/1.1\r\nHost: t\r\n\r\n", 30),
    ("GET http://t/o/x.gif HTTP/1.1\r\nHost: t\r\n\r\nGET /o/x.gif HTTP/1.1\r\nX: ", 30),
])
func aRequestThatDoesNotEndIsNotAwaited(_ begin: String, _ seconds: Int64) throws {
    let site = try Site()
    let channel = EmbeddedChannel()
    try channel.pipeline.syncOperations.addHandler(PlainHitHandler(server: site.service.server()))
    try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 1)).wait()
    if !begin.isEmpty { try channel.writeInbound(ByteBuffer(string: begin)) }
    for _ in 1..<seconds {
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        if begin.hasSuffix("X: ") { try channel.writeInbound(ByteBuffer(string: "x")) }
        #expect(channel.isActive)
    }
    channel.embeddedEventLoop.advanceTime(by: .seconds(1))
    #expect(!channel.isActive)
    #expect(site.service.server().connections.status.open == 0)
    _ = try? channel.finish(acceptAlreadyClosed: true)
}
