import MessageQueue
import SMTPProtocol
import Testing

@testable import Relay
@testable import SMTPTransport

private func client(_ address: String) -> ConnectionFacts {
    ConnectionFacts(id: 1, listener: "listener", client: address)
}

/// What a client hears that says EHLO, and then this.
private func replies(
    _ submission: Submission, to lines: String, from address: String, isSecure: Bool = false
) -> (offers: String, code: Int) {
    var settings = ServerSession.Settings(hostname: "relay.test")
    submission.configure(&settings, for: client(address))
    var session = ServerSession(settings: settings, isSecure: isSecure)
    var replies: [Reply] = []
    for line in ["EHLO c.test", lines] {
        for action in session.receive(Array(line.utf8)) {
            if case .reply(let reply) = action { replies.append(reply) }
            if case .ask = action { replies.append(Reply(235, nil, "asked")) }
        }
    }
    return (replies.first?.lines.joined(separator: "\n") ?? "", replies.last?.code ?? 0)
}

/// A password does not cross a network in clear, whoever may send without one.
@Test func passwordsInClearAreForThisMachine() async throws {
    let bench = try await RelayBench()
    for users in [nil, ["news": "x"]] {
        let submission = bench.submission(users: users)
        let login = "AUTH PLAIN AHUAcA=="
        for far in ["192.0.2.1", "2001:db8::1", "10.0.0.1"] {
            let heard = replies(submission, to: login, from: far)
            #expect(heard.code == 538 && !heard.offers.contains("AUTH"), "\(far): \(heard)")
            #expect(replies(submission, to: login, from: far, isSecure: true).code == 235)
        }
        for near in ["127.0.0.1", "::1"] {
            let heard = replies(submission, to: login, from: near)
            #expect(heard.code == 235 && heard.offers.contains("AUTH"), "\(near): \(heard)")
        }
    }
    await bench.queue.close()
}

/// SMTPUTF8 is offered once every upstream is known to take it, and a mail that needs it is refused where one does not.
@Test func whatTheUpstreamLacksIsNotOffered() async throws {
    let bench = try await RelayBench()
    let submission = bench.submission()
    func offers() -> Bool { replies(submission, to: "NOOP", from: "127.0.0.1").offers.contains("SMTPUTF8") }
    func code(_ recipient: String, utf8: Bool = true) async throws -> String {
        let envelope = try RelayBench.envelope(to: recipient, utf8: utf8)
        guard case .reply(let reply) = await submission.message(envelope, RelayBench.content, client("127.0.0.1"))
        else {
            return ""
        }
        return String(reply.description.prefix(9))
    }
    bench.routes.add("default", takesSMTPUTF8: nil) {}
    #expect(!offers())
    #expect(try await code("bücher@y.test") == "451 4.4.1")
    bench.routes.learn("default", takesSMTPUTF8: false)
    #expect(!offers())
    #expect(try await code("bücher@y.test") == "550 5.6.7")
    // The parameter alone needs nothing: .NET, Angus Mail and others send it with any mail.
    #expect(try await code("a@y.test") == "250 2.0.0")
    #expect(try bench.stored().map(\.needsSMTPUTF8) == [false])
    bench.routes.learn("default", takesSMTPUTF8: true)
    #expect(offers())
    #expect(try await code("bücher@y.test") == "250 2.0.0")
    #expect(try bench.stored().map(\.needsSMTPUTF8) == [false, true])
    await bench.queue.close()
}

/// The client was sent away for want of a verdict, and sends the mail again: it is not taken here behind its back.
@Test func whatWasGivenUpIsNotTaken() async throws {
    let bench = try await RelayBench()
    let submission = bench.submission()
    let envelope = try RelayBench.envelope()
    let verdict = Task {
        while !Task.isCancelled { await Task.yield() }
        return await submission.message(envelope, RelayBench.content, client("127.0.0.1"))
    }
    verdict.cancel()
    guard case .reply(let reply) = await verdict.value else {
        Issue.record("no reply")
        return
    }
    #expect(reply.code == 451)
    #expect(try bench.stored().isEmpty)
    await bench.queue.close()
}
