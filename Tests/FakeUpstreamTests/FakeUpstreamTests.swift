import FakeUpstream
import Foundation
import NIOPosix
import OpenSSLBridge
import SMTPProtocol
import SMTPTransport
import Testing

private func pool(
    _ upstream: FakeUpstream, trust: [UInt8]? = nil, name: String = "localhost", user: String? = nil,
    password: String = "p"
) throws -> UpstreamPool {
    let context = try TLSClientContext(trust: .pem(trust ?? upstream.authorityPEM))
    let credentials = user.map { Credentials(username: $0, password: Secret(Array(password.utf8))) }
    return UpstreamPool(
        route: UpstreamRoute(
            name: "u", host: "127.0.0.1", port: upstream.port, protection: .startTLS(context, serverName: name),
            hostname: "me.test",
            credentials: credentials), group: MultiThreadedEventLoopGroup.singleton)
}

private func send(
    _ pool: UpstreamPool, from: String = "a@x.test", to: [String] = ["b@y.test"],
    _ text: String = "Subject: x\r\n\r\n.dot\r\n"
) async throws -> DeliveryReport {
    let transaction = Transaction(
        reversePath: ReversePath(Mailbox(from)), recipients: try to.map { ForwardPath(try #require(Mailbox($0))) },
        octets: text.utf8.count)
    return await pool.deliver(transaction, OutgoingContent(pieces: [Array(text.utf8)[...]]))
}

private func codes(_ report: DeliveryReport) -> [Int] {
    if case .answered(let replies) = report.outcome { return replies.map(\.reply.code) }
    return []
}

private func failure(_ report: DeliveryReport) -> UpstreamFailure? {
    if case .failed(let failure) = report.outcome { return failure }
    return nil
}

@Test func messagesAreCapturedAsTheyCame() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var settings = FakeUpstream.Settings()
    settings.directory = folder.path
    let upstream = try await FakeUpstream.start(settings)
    let pool = try pool(upstream, user: "me")
    #expect(codes(try await send(pool)) == [250])
    #expect(codes(try await send(pool, to: ["c@y.test", "d@y.test"])) == [250, 250])
    #expect(await upstream.wait(for: 2))
    let message = try #require(upstream.messages.first)
    #expect(message.content == Array("Subject: x\r\n\r\n.dot\r\n".utf8))
    #expect(message.user == "me" && message.tls?.hasPrefix("TLSv1.3") == true && message.helo == "me.test")
    let json = try JSONDecoder().decode(
        CapturedMessage.self, from: Data(contentsOf: folder.appendingPathComponent("000002.json")))
    #expect(json.to == ["c@y.test", "d@y.test"] && json.from == "a@x.test")
    #expect(try Data(contentsOf: folder.appendingPathComponent("000001.eml")) == Data(message.content))
    await pool.close()
    await upstream.stop()
}

@Test func directMailsProfileHasItsWordsAndRules() async throws {
    var settings = FakeUpstream.Settings()
    settings.profile = .directmail
    settings.credentials = Credentials(username: "a@x.test", password: Secret(Array("p".utf8)))
    let upstream = try await FakeUpstream.start(settings)
    let pool = try pool(upstream, user: "a@x.test")
    let sent = try await send(pool)
    guard case .answered(let replies) = sent.outcome else {
        Issue.record("not answered")
        return
    }
    #expect(replies[0].reply.text == "Data Ok: queued as freedom ###envid=600000000001")
    #expect(codes(try await send(pool, from: "other@x.test")) == [436])
    let wrong = try await send(try FakeUpstreamTests.pool(upstream, user: "a@x.test", password: "q"))
    guard case .session(.authenticationRefused(let reply))? = failure(wrong) else {
        Issue.record("\(wrong)")
        return
    }
    #expect(reply.code == 535)
    await upstream.stop()
}

@Test func faultsHappenAsScripted() async throws {
    var settings = FakeUpstream.Settings()
    settings.script = try FaultScript(
        json: Array(
            """
            [{"at": "RCPT", "address": "*@bad.test", "action": "reply", "reply": "550 5.1.1 no such user", "times": 1},
             {"at": "content", "address": "dot@y.test", "action": "accept-and-hang-up", "times": 1},
             {"at": "MAIL", "address": "slow@x.test", "action": "delay", "milliseconds": 1},
             {"at": "DATA", "action": "disconnect", "reply": "421 4.3.2 going", "times": 1}]
            """.utf8))
    let upstream = try await FakeUpstream.start(settings)
    let pool = try pool(upstream)
    #expect(codes(try await send(pool)) == [421])
    #expect(codes(try await send(pool, from: "slow@x.test", to: ["a@bad.test", "b@y.test"])) == [550, 250])
    #expect(codes(try await send(pool, to: ["a@bad.test"])) == [250])
    guard case .uncertain = try await send(pool, to: ["dot@y.test"]).outcome else {
        Issue.record("certain")
        return
    }
    #expect(upstream.count == 3)
    try upstream.script.add(Fault(at: "connect", action: .hangUp))
    await pool.close()
    #expect(failure(try await send(try FakeUpstreamTests.pool(upstream))) == .lost(.greeting))
    await upstream.stop()
}

@Test(arguments: [
    "[{\"at\": \"NOWHERE\", \"action\": \"hang-up\"}]", "[{\"at\": \"MAIL\", \"action\": \"reply\"}]", "{}",
    "[{\"at\": \"MAIL\", \"action\": \"accept-and-hang-up\"}]",
    "[{\"at\": \"MAIL\", \"action\": \"hang-up\", \"tiems\": 1}]",
])
func badScriptsAreRefused(_ json: String) {
    #expect(throws: FaultScript.Defect.self) { try FaultScript(json: Array(json.utf8)) }
}

@Test func anUnknownKeyOfAScriptIsNamed() {
    let entries = [
        "{\"at\": \"MAIL\", \"action\": \"hang-up\"}", "{\"at\": \"MAIL\", \"action\": \"hang-up\", \"tiems\": 1}",
    ]
    do {
        _ = try FaultScript(json: Array("[\(entries.joined(separator: ","))]".utf8))
        Issue.record("taken")
    } catch {
        #expect("\(error)".contains("entry 2: \"tiems\" is no key of a fault"))
    }
}

/// Refused at the banner, as `connect` with `reply` says; the client then gets its answers, not silence.
@Test func aReplyAtConnectTakesTheBannersPlace() async throws {
    var settings = FakeUpstream.Settings()
    settings.script = try FaultScript([Fault(at: "connect", action: .reply, reply: "554 5.3.2 not today", times: 1)])
    let upstream = try await FakeUpstream.start(settings)
    let pool = try pool(upstream)
    guard case .session? = failure(try await send(pool)) else {
        Issue.record("a banner that refuses was not heard")
        return
    }
    #expect(codes(try await send(pool)) == [250])
    await pool.close()
    await upstream.stop()
}

@Test func certificatesAreChecked() async throws {
    let upstream = try await FakeUpstream.start()
    let other = try CertificateAuthority(commonName: "Other")
    guard case .tls(.unknownAuthority)? = failure(try await send(try pool(upstream, trust: other.certificatePEM)))
    else {
        Issue.record("unknown authority")
        return
    }
    guard case .tls(.certificateNameMismatch)? = failure(try await send(try pool(upstream, name: "other.test"))) else {
        Issue.record("name")
        return
    }
    #expect(upstream.count == 0)
    await upstream.stop()
}

@Test func aDeadUpstreamIsAFailureWithItsAddress() async throws {
    let upstream = try await FakeUpstream.start()
    await upstream.stop()
    guard case .connect(let text)? = failure(try await send(try pool(upstream))) else {
        Issue.record("connected")
        return
    }
    #expect(text.hasPrefix("127.0.0.1:"))
}

private enum FakeUpstreamTests {
    static func pool(_ upstream: FakeUpstream, user: String? = nil, password: String = "p") throws -> UpstreamPool {
        let context = try TLSClientContext(trust: .pem(upstream.authorityPEM))
        return UpstreamPool(
            route: UpstreamRoute(
                name: "u", host: "127.0.0.1", port: upstream.port,
                protection: .startTLS(context, serverName: "localhost"),
                hostname: "me.test",
                credentials: user.map { Credentials(username: $0, password: Secret(Array(password.utf8))) }),
            group: MultiThreadedEventLoopGroup.singleton)
    }
}
