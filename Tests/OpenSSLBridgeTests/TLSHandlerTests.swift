import NIOCore
import NIOEmbedded
import NIOPosix
import OpenSSLBridge
import Testing

/// Sends back what it gets.
private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// Collects until `wanted` octets are there, or until an error or the end.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    let wanted: Int
    let done: EventLoopPromise<ByteBuffer>
    let handshake: EventLoopPromise<TLSHandshakeCompleted>
    var buffer = ByteBuffer()

    init(wanted: Int, loop: any EventLoop) {
        self.wanted = wanted
        done = loop.makePromise()
        handshake = loop.makePromise()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSHandshakeCompleted { handshake.succeed(event) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        buffer.writeImmutableBuffer(unwrapInboundIn(data))
        if buffer.readableBytes >= wanted { done.succeed(buffer) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        handshake.fail(error)
        done.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        handshake.fail(ChannelError.eof)
        done.fail(ChannelError.eof)
    }
}

/// Connects, sends `payload`, and gives what came back.
private func exchange(
    _ certificate: IssuedCertificate?, trust: TLSClientContext, name: String, payload: [UInt8] = [1, 2, 3]
) async throws -> (TLSHandshakeCompleted, [UInt8]) {
    let group = MultiThreadedEventLoopGroup.singleton
    let context = try certificate.map { try TLSServerContext($0) }
    let server = try await ServerBootstrap(group: group)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                guard let context else {
                    return channel.writeAndFlush(ByteBuffer(string: "220 plain\r\n"), promise: nil)
                }
                try channel.pipeline.syncOperations.addHandlers([TLSHandler(server: context), Echo()])
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    let (channel, done, handshake) = try await ClientBootstrap(group: group)
        .connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let collector = Collector(wanted: payload.count, loop: channel.eventLoop)
                try channel.pipeline.syncOperations.addHandler(
                    TLSHandler(client: trust, serverName: name, sessionKey: "\(name):\(port > 0)"))
                try channel.pipeline.syncOperations.addHandler(collector)
                return (channel, collector.done.futureResult, collector.handshake.futureResult)
            }
        }
    defer { server.close(promise: nil) }
    channel.writeAndFlush(ByteBuffer(bytes: payload), promise: nil)
    do {
        let summary = try await handshake.get()
        let bytes = try await done.get()
        try await channel.close()
        return (summary, Array(buffer: bytes))
    } catch {
        _ = try? await done.get()
        channel.close(promise: nil)
        throw error
    }
}

@Test func largePayloadsCrossUnharmed() async throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let trust = try TLSClientContext(trust: .pem(authority.certificatePEM))
    let payload = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let (summary, echo) = try await exchange(
        try authority.issue(names: ["relay.test"]), trust: trust, name: "relay.test", payload: payload)
    #expect(summary.version == "TLSv1.3")
    #expect(echo == payload)
}

@Test func sessionsAreResumedAndAddressesVerified() async throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let trust = try TLSClientContext(trust: .pem(authority.certificatePEM))
    let certificate = try authority.issue(names: ["127.0.0.1"])
    // One server context per exchange would have its own ticket keys; the second handshake must still succeed.
    for _ in 0..<2 { #expect(try await exchange(certificate, trust: trust, name: "127.0.0.1").1 == [1, 2, 3]) }
}

@Test func eachFailedCheckHasItsOwnError() async throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let other = try CertificateAuthority(commonName: "Other CA")
    let trust = try TLSClientContext(trust: .pem(authority.certificatePEM))
    func failure(_ certificate: IssuedCertificate?) async throws -> TLSError? {
        do {
            _ = try await exchange(certificate, trust: trust, name: "relay.test")
            return nil
        } catch {
            return error as? TLSError
        }
    }
    let wrongName = try await failure(authority.issue(names: ["other.test"]))
    #expect(wrongName == .certificateNameMismatch(expected: "relay.test", presented: "DNS:other.test"))
    // RFC 9525 §6.3: a name in the subject is none, even the right one.
    let nameless = try await failure(authority.issueWithoutNames(commonName: "relay.test"))
    if case .certificateNameMismatch(expected: "relay.test", let presented)? = nameless {
        #expect(presented.hasPrefix("no name (its subject, CN = relay.test"))
    } else {
        Issue.record("\(nameless as Any)")
    }
    if case .certificateExpired? = try await failure(
        authority.issue(names: ["relay.test"], validity: -7_200 ... -3_600))
    {
    } else {
        Issue.record("expired certificate")
    }
    if case .certificateNotYetValid? = try await failure(
        authority.issue(names: ["relay.test"], validity: 3_600...7_200))
    {
    } else {
        Issue.record("future certificate")
    }
    #expect(
        try await failure(CertificateAuthority.selfSigned(names: ["relay.test"]))
            == .selfSignedCertificate(subject: "CN = relay.test"))
    #expect(try await failure(other.issue(names: ["relay.test"])) == .unknownAuthority(issuer: "CN = Other CA"))
    #expect(try await failure(nil) == .notTLS)
}

@Test func aTrustFileMustBeThere() {
    #expect(throws: TLSError.self) { try TLSClientContext(trust: .file("/nonexistent/ca.pem")) }
    #expect(throws: TLSError.self) { try TLSClientContext(trust: .pem([1, 2])) }
    #expect(throws: TLSError.self) {
        try TLSServerContext(certificateChainFile: "/nonexistent", privateKeyFile: "/nonexistent")
    }
}

/// Moves ciphertext between two embedded channels until neither has any, in pieces of `size` octets.
private func pump(_ left: EmbeddedChannel, _ right: EmbeddedChannel, size: Int) throws {
    var moved = true
    while moved {
        moved = false
        for (from, to) in [(left, right), (right, left)] {
            while var buffer = try from.readOutbound(as: ByteBuffer.self) {
                moved = true
                while let piece = buffer.readSlice(length: min(size, buffer.readableBytes)), piece.readableBytes > 0 {
                    try to.writeInbound(piece)
                }
            }
        }
    }
}

@Test(arguments: [1, 7, 100_000])
func ciphertextMayComeInAnyPieces(_ size: Int) throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let client = try TLSClientContext(trust: .pem(authority.certificatePEM))
    let server = try TLSServerContext(authority.issue(names: ["relay.test"]))
    var resumed: [Bool] = []
    for _ in 0..<2 {
        let near = EmbeddedChannel(), far = EmbeddedChannel()
        let collector = Collector(wanted: 5, loop: near.embeddedEventLoop)
        try near.pipeline.syncOperations.addHandlers([
            TLSHandler(client: client, serverName: "relay.test", sessionKey: "a"), collector,
        ])
        try far.pipeline.syncOperations.addHandlers([TLSHandler(server: server), Echo()])
        near.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        far.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 2), promise: nil)
        try pump(near, far, size: size)
        near.writeAndFlush(ByteBuffer(string: "hello"), promise: nil)
        try pump(near, far, size: size)
        #expect(String(buffer: collector.buffer) == "hello")
        collector.done.fail(ChannelError.eof)
        resumed.append(try collector.handshake.futureResult.wait().isResumed)
        near.close(promise: nil)
        try pump(near, far, size: size)
        #expect(!near.isActive && !far.isActive)
    }
    #expect(resumed == [false, true])
}

/// Asks for more from within each read, as a reader without autoRead does.
private final class Asker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.read() }
}

/// Counts the reads that reach the socket.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0
    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}

@Test func aReadAskedForFromWithinAReadIsNotForgotten() throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let near = EmbeddedChannel(), far = EmbeddedChannel(), reads = ReadCounter()
    try near.pipeline.syncOperations.addHandler(
        TLSHandler(
            client: TLSClientContext(trust: .pem(authority.certificatePEM)), serverName: "relay.test", sessionKey: "a"))
    try far.pipeline.syncOperations.addHandlers([
        reads, TLSHandler(server: TLSServerContext(authority.issue(names: ["relay.test"]))), Asker(),
    ])
    near.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    far.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 2), promise: nil)
    try pump(near, far, size: 100_000)
    near.writeAndFlush(ByteBuffer(string: "first"), promise: nil)
    near.writeAndFlush(ByteBuffer(string: "second"), promise: nil)
    let first = try #require(try near.readOutbound(as: ByteBuffer.self))
    var second = try #require(try near.readOutbound(as: ByteBuffer.self))
    let part = second.readSlice(length: 3)
    try far.writeInbound(first)
    // A record in part gives no plaintext; the socket must be asked for the rest.
    let before = reads.count
    try far.writeInbound(try #require(part))
    #expect(reads.count > before)
    _ = try? far.finish(acceptAlreadyClosed: true)
    _ = try? near.finish(acceptAlreadyClosed: true)
}

@Test func anEndWithoutCloseNotifyIsSeen() throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let near = EmbeddedChannel(), far = EmbeddedChannel()
    let collector = Collector(wanted: 5, loop: near.embeddedEventLoop)
    try near.pipeline.syncOperations.addHandlers([
        TLSHandler(
            client: TLSClientContext(trust: .pem(authority.certificatePEM)), serverName: "relay.test", sessionKey: "a"),
        collector,
    ])
    try far.pipeline.syncOperations.addHandler(
        TLSHandler(server: TLSServerContext(authority.issue(names: ["relay.test"]))))
    near.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    far.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 2), promise: nil)
    try pump(near, far, size: 1_000)
    near.pipeline.fireChannelInactive()
    #expect(throws: TLSError.truncated) { try collector.done.futureResult.wait() }
    _ = try far.finish(acceptAlreadyClosed: true)
}

@Test func garbageNeverTraps() throws {
    let authority = try CertificateAuthority(commonName: "Test CA")
    let server = try TLSServerContext(authority.issue(names: ["relay.test"]))
    for round in 0..<200 {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([TLSHandler(server: server), Echo()])
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        var bytes = (0..<Int.random(in: 1...300)).map { _ in UInt8.random(in: .min ... .max) }
        if round.isMultiple(of: 2) { bytes.replaceSubrange(0..<min(3, bytes.count), with: [0x16, 3, 1]) }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}

@Test(arguments: [
    (
        [UInt8](repeating: 0x0B, count: 20), "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
        Array("Jefe".utf8), "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
        [UInt8](repeating: 0xAA, count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
])
func codesAreThoseOfRFC4231(_ key: [UInt8], _ text: String, _ code: String) throws {
    let made = try HMACSHA256Key(key).authenticationCode(for: Array(text.utf8))
    #expect(made.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == code)
}

@Test func passwordsAreHashed() throws {
    let hash = try PasswordHash.make(Array("secret".utf8))
    #expect(PasswordHash.verify(Array("secret".utf8), against: hash))
    #expect(!PasswordHash.verify(Array("Secret".utf8), against: hash))
    #expect(!PasswordHash.verify([], against: "x$y"))
    #expect(try PasswordHash.make(Array("secret".utf8)) != hash)
}
