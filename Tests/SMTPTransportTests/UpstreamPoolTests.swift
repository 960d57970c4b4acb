import NIOCore
import NIOPosix
import OpenSSLBridge
import SMTPProtocol
import SMTPTransport
import Synchronization
import TestSupport
import Testing

/// A deadline that ends nothing here, and what is known by then where another ends it: a busy machine takes its time.
private let farAway = Duration.seconds(1_200)
private let inTime = Duration.seconds(600)

private func pool(
    _ upstream: RawUpstream, _ protection: UpstreamRoute.Protection = .none,
    _ change: (inout UpstreamRoute) -> Void = { _ in }
) -> UpstreamPool {
    var route = UpstreamRoute(
        name: "u", host: "127.0.0.1", port: upstream.port, protection: protection, hostname: "me.test")
    route.limits.connectTimeout = farAway
    route.limits.commandTimeout = farAway
    route.limits.finalDotTimeout = farAway
    change(&route)
    return UpstreamPool(route: route, group: MultiThreadedEventLoopGroup.singleton)
}

private func send(_ pool: UpstreamPool, to count: Int = 1, octets: Int = 100) async throws -> DeliveryReport.Outcome {
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 70) + [0x0D, 0x0A]
    var content: [UInt8] = []
    while content.count < octets { content += line }
    let recipients = try (0..<count).map { ForwardPath(try #require(Mailbox("r\($0)@y.test"))) }
    let transaction = Transaction(
        reversePath: ReversePath(Mailbox("a@x.test")), recipients: recipients, octets: content.count)
    return await pool.deliver(transaction, OutgoingContent(pieces: [content[...]])).outcome
}

private func codes(_ outcome: DeliveryReport.Outcome) -> [Int] {
    if case .answered(let replies) = outcome { replies.map(\.reply.code) } else { [] }
}

private func failure(_ outcome: DeliveryReport.Outcome) -> UpstreamFailure? {
    if case .failed(let failure) = outcome { failure } else { nil }
}

private func uncertainty(_ outcome: DeliveryReport.Outcome) -> UpstreamFailure? {
    if case .uncertain(let failure) = outcome { failure } else { nil }
}

private func expectAllClosed(_ pool: UpstreamPool) async throws {
    #expect(try await eventually { await pool.state.open == 0 })
}

@Test(arguments: [250, 421, 451, 552])
func noMailFollowsAnUnfinishedContent(_ code: Int) async throws {
    let upstream = try await RawUpstream.start(RawUpstream.once(.body, .sayAndStopReading("\(code) early")))
    let pool = pool(upstream)
    let first = try await send(pool, octets: 32 << 20)
    if code == 250 {
        guard case .session(.violation)? = failure(first) else {
            Issue.record("\(first)")
            return
        }
    } else {
        #expect(codes(first) == [code])
    }
    // On the old connection nobody would answer.
    let begun = ContinuousClock.now
    #expect(codes(try await send(pool)) == [250])
    #expect(ContinuousClock.now - begun < inTime)
    try await upstream.readOn()
    #expect(try await eventually { upstream.open <= 1 })
    #expect(upstream.connections == 2)
    let words = upstream.received(1)
    #expect(words.ranges(of: "MAIL FROM").count == 1 && !words.hasSuffix("\r\n.\r\n"))
    await pool.close()
    await upstream.stop()
}

@Test(arguments: [
    "closed while idle", "421 while idle", "closed at MAIL", "421 at MAIL", "421 at MAIL, open", "stray",
])
func aConnectionTheUpstreamHasEndedCostsNothing(_ what: String) async throws {
    let mails = Atomic(0)
    let upstream = try await RawUpstream.start { connection, heard in
        guard connection == 1 else { return nil }
        switch (what, heard) {
        case ("closed while idle", .end): return .sayAndClose("250 ok")
        case ("421 while idle", .end): return .sayAndClose("250 ok\r\n421 too long idle")
        case ("stray", .end): return .say("250 ok\r\n250 ok")
        case (_, .line(let line)) where line.hasPrefix("MAIL"):
            guard mails.add(1, ordering: .relaxed).newValue > 1 else { return nil }
            switch what {
            case "closed at MAIL": return .sayAndClose("")
            case "421 at MAIL": return .sayAndClose("421 enough")
            case "421 at MAIL, open": return .say("421 enough")
            default: return nil
            }
        default: return nil
        }
    }
    let pool = pool(upstream)
    #expect(codes(try await send(pool)) == [250])
    let begun = ContinuousClock.now
    #expect(codes(try await send(pool)) == [250])
    #expect(ContinuousClock.now - begun < inTime)
    #expect(upstream.connections == 2)
    await pool.close()
    await upstream.stop()
}

/// A 250 that comes with the 354 says nothing of a content that was not out: once it was taken for the verdict.
@Test func anAcceptanceInOnePieceWithThe354IsNone() async throws {
    let upstream = try await RawUpstream.start(RawUpstream.once(.line("DATA"), .say("354 go on\r\n250 queued")))
    let pool = pool(upstream)
    guard case .session(.violation)? = failure(try await send(pool)) else {
        Issue.record("it was taken for a verdict")
        return
    }
    #expect(upstream.received(1).hasSuffix("DATA\r\n"))
    #expect(codes(try await send(pool)) == [250])
    await pool.close()
    await upstream.stop()
}

@Test func idleConnectionsAreWatched() async throws {
    let upstream = try await RawUpstream.start(RawUpstream.once(.end, .sayAndClose("250 ok")))
    let pool = pool(upstream)
    #expect(codes(try await send(pool)) == [250])
    try await expectAllClosed(pool)
    await upstream.stop()
}

@Test func aNewConnectionThatEndsAtMAILIsAFailure() async throws {
    let upstream = try await RawUpstream.start { _, heard in
        if case .line(let line) = heard, line.hasPrefix("MAIL") { .sayAndClose("421 not now") } else { nil }
    }
    let pool = pool(upstream)
    #expect(failure(try await send(pool)) == .session(.closing(Reply(421, nil, "not now"))))
    #expect(upstream.connections == 1)
    await upstream.stop()
}

@Test func aRefusedRecipientCostsNoConnection() async throws {
    let upstream = try await RawUpstream.start { _, heard in
        switch heard {
        case .line(let line) where line.hasPrefix("RCPT"): .say("550 no")
        case .line("DATA"): .say("503 nobody")
        default: nil
        }
    }
    let pool = pool(upstream)
    for _ in 0..<3 { #expect(codes(try await send(pool)) == [550]) }
    #expect(upstream.connections == 1)
    await pool.close()
    await upstream.stop()
}

@Test func whoIsRefusedAConnectionGetsOneThatStands() async throws {
    let upstream = try await RawUpstream.start { connection, heard in
        connection > 1 && heard == .connected ? .sayAndClose("421 one connection for each client") : nil
    }
    let pool = pool(upstream)
    #expect(codes(try await send(pool)) == [250])
    try await withThrowingTaskGroup(of: [Int].self) { tasks in
        for _ in 0..<20 { tasks.addTask { codes(try await send(pool)) } }
        for try await codes in tasks { #expect(codes == [250]) }
    }
    await pool.close()
    await upstream.stop()
}

@Test(arguments: ["greeting", "MAIL", "content", "TLS", "STARTTLS"])
func eachStateHasItsOwnDeadline(_ place: String) async throws {
    let upstream = try await RawUpstream.start { _, heard in
        switch (place, heard) {
        case ("greeting", .connected), ("TLS", .connected), ("content", .end): return .nothing
        case ("MAIL", .line(let line)) where !line.hasPrefix("EHLO"): return .nothing
        case (_, .line(let line)) where line.hasPrefix("EHLO"): return .say("250-raw\r\n250-PIPELINING\r\n250 STARTTLS")
        case (_, .line("STARTTLS")): return .say("220 go on")
        default: return nil
        }
    }
    let context = try TLSClientContext(trust: .pem(try CertificateAuthority(commonName: "x").certificatePEM))
    let protection: UpstreamRoute.Protection =
        switch place {
        case "TLS": .implicitTLS(context, serverName: "localhost")
        case "STARTTLS": .startTLS(context, serverName: "localhost")
        default: .none
        }
    let expected: UpstreamFailure =
        switch place {
        case "content": .timedOut(.content)
        case "MAIL": .timedOut(.mail)
        case "STARTTLS": .timedOut(.startTLS)
        default: .timedOut(.greeting)
        }
    // On a busy machine a short one may end what comes before its state; a longer one does not.
    var ended: UpstreamFailure?
    for deadline in [Duration.milliseconds(300), .seconds(3), .seconds(30)] where ended != expected {
        // The others are far away: only the one of this state can end it in time.
        let pool = pool(upstream, protection) { route in
            route.limits.connectTimeout = place.hasSuffix("TLS") ? deadline : farAway
            route.limits.commandTimeout = ["greeting", "MAIL"].contains(place) ? deadline : farAway
            route.limits.finalDotTimeout = place == "content" ? deadline : farAway
        }
        let begun = ContinuousClock.now
        let outcome = try await send(pool)
        #expect(ContinuousClock.now - begun < inTime)
        ended = place == "content" ? uncertainty(outcome) : failure(outcome)
    }
    #expect(ended == expected)
    #expect(try await eventually { upstream.open == 0 })
    await upstream.stop()
}

@Test func socketsCountUntilTheyAreClosed() async throws {
    let upstream = try await RawUpstream.start { _, heard in heard == .line("QUIT") ? .nothing : nil }
    let pool = pool(upstream) { route in
        route.limits.messagesPerConnection = 1
        route.limits.connections = 2
    }
    try await withThrowingTaskGroup(of: [Int].self) { tasks in
        for _ in 0..<8 { tasks.addTask { codes(try await send(pool)) } }
        for try await codes in tasks { #expect(codes == [250]) }
    }
    // The server may hear of a new connection before it hears of the end of the one it replaces.
    #expect(upstream.mostOpen <= 4)
    await pool.close()
    #expect(try await eventually { upstream.open == 0 })
    // The client's side hears of the end of its sockets a moment later.
    try await expectAllClosed(pool)
    await upstream.stop()
}

@Test func aReplyThatDecidesNothingAtTheEndIsUncertain() async throws {
    let upstream = try await RawUpstream.start(RawUpstream.once(.end, .say("354 go on")))
    let pool = pool(upstream)
    guard case .session(.violation)? = uncertainty(try await send(pool)) else {
        Issue.record("certain")
        return
    }
    #expect(codes(try await send(pool)) == [250])
    #expect(upstream.connections == 2)
    await pool.close()
    await upstream.stop()
}

@Test func whatIsCutOffIsUncertainOnlyWhereTheContentIsOut() async throws {
    let verdicts = Atomic(0)
    let mails = Atomic(0)
    let upstream = try await RawUpstream.start { _, heard in
        switch heard {
        // The first mail lets the pool grow to two connections; the second gets no verdict, the third no answer at all.
        case .end: verdicts.add(1, ordering: .relaxed).newValue > 1 ? .nothing : nil
        case .line(let line) where line.hasPrefix("MAIL"):
            mails.add(1, ordering: .relaxed).newValue > 2 ? .nothing : nil
        case .line(let line) where !line.hasPrefix("EHLO"):
            mails.load(ordering: .relaxed) > 2 ? .nothing : nil
        default: nil
        }
    }
    let pool = pool(upstream)
    #expect(codes(try await send(pool)) == [250])
    async let second = send(pool)
    #expect(try await eventually { verdicts.load(ordering: .relaxed) == 2 })
    async let third = send(pool)
    #expect(try await eventually { mails.load(ordering: .relaxed) == 3 })
    async let fourth = send(pool)
    await pool.cutOff()
    #expect(uncertainty(try await second) == .stopping)
    #expect(failure(try await third) == .stopping)
    #expect(failure(try await fourth) == .stopping)
    #expect(failure(try await send(pool)) == .stopping)
    #expect(try await eventually { upstream.open == 0 })
    await upstream.stop()
}

/// The same dialogue, cut at each octet the upstream says.
@Test func anUpstreamThatLeavesAnywhereTakesNothingWithoutAVerdict() async throws {
    let words = ["220 raw", "250-raw\r\n250 PIPELINING", "250 ok\r\n250 ok\r\n354 go on", "250 queued"]
    let total = words.joined().utf8.count
    for cut in 0..<total {
        let left = Mutex(cut)
        @Sendable func cutShort(_ text: String) -> RawUpstream.Answer {
            let part = left.withLock { left in
                let part = text.utf8.prefix(left)
                left -= part.count
                return String(decoding: part, as: UTF8.self)
            }
            return part.utf8.count < text.utf8.count ? .breakOff(part) : .say(text)
        }
        let upstream = try await RawUpstream.start { connection, heard in
            guard connection == 1 else { return nil }
            switch heard {
            case .connected: return cutShort(words[0])
            case .line(let line) where line.hasPrefix("EHLO"): return cutShort(words[1])
            case .line("DATA"): return cutShort(words[2])
            case .line: return .nothing
            case .body: return nil
            case .end: return cutShort(words[3])
            }
        }
        let pool = pool(upstream)
        let outcome = try await send(pool)
        let isOut = upstream.received(1).hasSuffix("\r\n.\r\n")
        #expect((uncertainty(outcome) != nil) == isOut, "cut at \(cut): \(outcome)")
        #expect(codes(try await send(pool)) == [250], "cut at \(cut)")
        await pool.close()
        await upstream.stop()
    }
}
