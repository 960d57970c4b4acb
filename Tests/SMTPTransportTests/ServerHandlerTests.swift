import NIOCore
import NIOPosix
import SMTPProtocol
import SMTPTransport
import Synchronization
import TestSupport
import Testing

private let mail = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nSubject: x\r\n\r\ny\r\n.\r\n"
private let content = Array("Subject: x\r\n\r\ny\r\n".utf8)

private func codes(_ text: String) -> [Int] { text.split(separator: "\r\n").compactMap { Int($0.prefix(3)) } }

// MARK: Half-closed clients

@Test(arguments: ["", "QUIT\r\n"])
func whoHasClosedTheSendingSideIsAnsweredToTheEnd(_ end: String) async throws {
    let owner = Owner(judging: .milliseconds(30))
    let (server, _) = try await Listener.start(owner)
    let heard = try await RawClient.talk(server.port) { peer in
        try peer.say("HELO script\r\nAUTH PLAIN AHUAcA==\r\n" + mail + mail + mail + end)
        peer.endSaying()
        return try peer.hearAll()
    }
    let one = [250, 250, 354, 250]
    #expect(codes(heard) == [220, 250, 235] + one + one + one + (end.isEmpty ? [] : [221]))
    #expect(owner.kept.withLock { $0.mails } == [content, content, content])
    await server.close()
}

@Test func aContentWithoutItsEndIsNoMail() async throws {
    let owner = Owner()
    let (server, counter) = try await Listener.start(owner)
    let heard = try await RawClient.talk(server.port) { peer in
        try peer.say("HELO script\r\n" + mail.dropLast(3))
        peer.endSaying()
        return try peer.hearAll()
    }
    #expect(codes(heard) == [220, 250, 250, 250, 354])
    #expect(try await owner.ends(1).count == 1)
    #expect(owner.kept.withLock { $0.mails }.isEmpty)
    #expect(counter.total == 0)
    await server.close()
}

@Test func aLargeContentArrivesWhole() async throws {
    let owner = Owner()
    let (server, _) = try await Listener.start(owner)
    let body = (0..<20_000).map { "line \($0) of a content that does not stay in memory\r\n" }.joined()
    let heard = try await RawClient.talk(server.port) { peer in
        try peer.say("HELO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n\(body).\r\nQUIT\r\n")
        return try peer.hearAll()
    }
    #expect(codes(heard) == [220, 250, 250, 250, 354, 250, 221])
    #expect(owner.kept.withLock { $0.mails } == [Array(body.utf8)])
    await server.close()
}

// MARK: Deadlines

@Test(arguments: [true, false])
func aHandshakeHasADeadline(_ implicit: Bool) async throws {
    let owner = Owner()
    let (server, counter) = try await Listener.start(owner, tls: true, implicit: implicit) {
        $0.handshake = .milliseconds(100)
    }
    _ = try await RawClient.talk(server.port) { peer in
        if !implicit {
            _ = try peer.hear(until: "\r\n")
            try peer.say("STARTTLS\r\n")
        }
        return try peer.hearAll()
    }
    #expect(try await owner.ends(1).map(\.end) == ["TLS handshake too slow"])
    #expect(counter.total == 0)
    await server.close()
}

@Test(arguments: [true, false])
func whoIsTurnedAwayLeaves(_ implicit: Bool) async throws {
    let owner = Owner()
    // At once, and not because the time for a last reply is over.
    let (server, counter) = try await Listener.start(owner, maximum: 0, implicit: implicit) {
        $0.goodbye = .minutes(10)
    }
    for _ in 0..<20 {
        let heard = try await RawClient.talk(server.port) { try $0.hearAll() }
        #expect(codes(heard) == (implicit ? [] : [421]))
    }
    let ends = try await owner.ends(20)
    #expect(ends.count == 20 && ends.allSatisfy { $0.refusal == .tooManyConnections })
    #expect(counter.total == 0)
    await server.close()
}

@Test func aVerdictHasADeadline() async throws {
    let owner = Owner(judging: .seconds(600))
    let (server, _) = try await Listener.start(owner) { $0.verdict = .milliseconds(100) }
    let heard = try await RawClient.talk(server.port) { peer in
        try peer.say("HELO a\r\n" + mail)
        return try peer.hearAll()
    }
    #expect(codes(heard) == [220, 250, 250, 250, 354, 421])
    #expect(try await owner.ends(1).map(\.end) == ["no verdict in time; try again later"])
    // The client sends it again: it is not taken behind its back.
    let end = ContinuousClock.now + .seconds(60)
    while owner.kept.withLock({ $0.withdrawn }) == 0, ContinuousClock.now < end { await Task.yield() }
    #expect(owner.kept.withLock { $0.withdrawn } == 1 && owner.kept.withLock { $0.mails }.isEmpty)
    await server.close()
}

@Test func aBusyClientWithoutAMailIsSentAway() async throws {
    let owner = Owner()
    let (server, _) = try await Listener.start(owner) { $0.transaction = .milliseconds(200) }
    let heard = try await RawClient.talk(server.port) { peer in
        var heard = try peer.hear(until: "\r\n")
        let end = ContinuousClock.now + .seconds(60)
        while !heard.hasPrefix("421"), ContinuousClock.now < end {
            try peer.say("NOOP\r\n")
            heard = try peer.hear(until: "\r\n")
        }
        return heard
    }
    #expect(heard.hasPrefix("421 4.4.2 Closing: no message in"))
    await server.close()
}

@Test func slowContentIsSentAway() async throws {
    let owner = Owner()
    let (server, _) = try await Listener.start(owner) {
        $0.rateGrace = .milliseconds(100)
        $0.leastRate = 1_000_000
    }
    let heard = try await RawClient.talk(server.port) { peer in
        try peer.say("HELO a\r\n" + mail.dropLast(3))
        return try peer.hearAll()
    }
    #expect(codes(heard) == [220, 250, 250, 250, 354, 421])
    #expect(try await owner.ends(1).map(\.end) == ["content too slow"])
    await server.close()
}

// MARK: Back-pressure

/// A server that keeps replies for a client that does not read takes all of it; one that does not takes what the sockets
/// hold, and ends the connection, also where its last reply is not read either.
@Test func whoDoesNotReadIsNotReadFrom() async throws {
    let owner = Owner()
    let (server, counter) = try await Listener.start(owner)
    let limit = 32 << 20
    let sent = try await RawClient(port: server.port, small: true).press("EHLO a\r\n", limit: limit) {
        for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try await loop.submit {}.get() }
    }
    #expect(sent < limit)
    #expect(try await owner.ends(1).count == 1)
    #expect(counter.total == 0)
    await server.close()
}

@Test func whoNeverReadsIsSentAway() async throws {
    let owner = Owner()
    let (server, counter) = try await Listener.start(owner) {
        $0.idle = .milliseconds(400)
        $0.goodbye = .milliseconds(200)
    }
    _ = try await RawClient.talk(server.port, small: true) { $0.flood("EHLO a\r\n", limit: .max) }
    #expect(try await owner.ends(1).map(\.end) == ["idle too long"])
    #expect(counter.total == 0)
    await server.close()
}

// MARK: Out of turn

@Test func earlyTalkersAreServedOrSentAway() async throws {
    for synchronisation in [ServerSession.Synchronisation.lenient, .strict] {
        let owner = Owner(synchronisation)
        let (server, _) = try await Listener.start(owner) { $0.silence = .seconds(100) }
        let heard = try await RawClient.talk(server.port) { peer in
            try peer.say("HELO a\r\nQUIT\r\n")
            return try peer.hearAll()
        }
        #expect(codes(heard) == (synchronisation == .strict ? [554] : [220, 250, 221]))
        #expect(try await owner.ends(1).map(\.refusal) == [synchronisation == .strict ? .outOfTurn : nil])
        await server.close()
    }
}

@Test func whoWaitsForTheBannerMayPipeline() async throws {
    let owner = Owner(.strict)
    let (server, _) = try await Listener.start(owner) { $0.silence = .milliseconds(10) }
    let heard = try await RawClient.talk(server.port) { peer in
        var heard = try peer.hear(until: "\r\n")
        try peer.say("EHLO a\r\n")
        heard += try peer.hear(until: "SMTPUTF8\r\n")
        try peer.say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n")
        heard += try peer.hear(until: "<CR><LF>\r\n")
        try peer.say("Subject: x\r\n\r\ny\r\n.\r\nQUIT\r\n")
        return heard + (try peer.hearAll())
    }
    #expect(codes(heard).filter { $0 != 250 } == [220, 354, 221])
    #expect(owner.kept.withLock { $0.mails } == [content])
    await server.close()
}
