import FakeUpstream
import Foundation
import SMTPProtocol
import Testing
import Tracking

private let plain = """
    From: News <news@shop.example>
    Subject: Hello
    Content-Type: text/plain

    Hello

    """

private func tracked(_ tag: String = "Test", lines: Int = 1) -> String {
    let request = TraceRequest(tagName: tag, opens: true, clicks: true)
    return """
        From: News <news@shop.example>
        Subject: Hello
        MIME-Version: 1.0
        Content-Type: text/html; charset=UTF-8
        X-AliDM-Trace: \(String(decoding: TraceHeader.encode(request), as: UTF8.self))

        <html><body><a href="https://a.example/">x</a>
        \(Array(repeating: String(repeating: "x", count: 70), count: lines).joined(separator: "\n"))
        </body></html>

        """
}

private func faults(_ faults: Fault...) throws -> FakeUpstream.Settings {
    var settings = FakeUpstream.Settings()
    settings.script = try FaultScript(json: Array(JSONEncoder().encode(faults)))
    return settings
}

extension EndToEnd {
    @Test func aForgottenLoginPausesAndDestroysNothing() async throws {
        let lab = try await Lab(
            faults(Fault(at: "MAIL", action: .reply, reply: "530 5.7.0 Authentication required")))
        try await lab.start()
        #expect(await lab.client().send(plain) == [250])
        try await lab.waitForLog("upstream paused: it needs your attention; its mail waits")
        let log = try await lab.waitForLog("status=deferred")
        #expect(log.contains("check `username`, `password-file` and `tls`"))
        #expect(!log.contains("bounced") && !log.contains("removed"))
        try await lab.run("queue", "list", "--config", lab.folder + "/relay.conf") { $0.output.contains("530 5.7.0") }
        #expect(try await lab.stop() == 0)
        await lab.upstream.stop()
    }

    @Test func tooManyRecipientsGoAtOnceInAnotherTransaction() async throws {
        let lab = try await Lab(
            faults(
                Fault(at: "RCPT", action: .reply, address: "c@y.test", reply: "452 4.5.3 too many", times: 1),
                Fault(at: "RCPT", action: .reply, address: "d@y.test", reply: "552 5.5.3 too many", times: 1)))
        try await lab.start()
        let given = ["a@y.test", "b@y.test", "c@y.test", "d@y.test"]
        #expect(await lab.client().send(plain, to: given) == [250, 250, 250, 250])
        let log = try await lab.waitForLog("removed")
        #expect(log.contains("the rest goes in another transaction"))
        #expect(!log.contains("status=deferred") && !log.contains("bounced"))
        #expect(lab.upstream.messages.map(\.to) == [["a@y.test", "b@y.test"], ["c@y.test", "d@y.test"]])
        #expect(try await lab.stop() == 0)
        await lab.upstream.stop()
    }

    /// Whoever is refused again waits for the schedule; the others are done.
    @Test func aTransactionThatGetsNothingDoneIsTheLast() async throws {
        let lab = try await Lab(
            faults(Fault(at: "RCPT", action: .reply, address: "b@y.test", reply: "452 4.2.2 full", times: 2)))
        try await lab.start()
        #expect(await lab.client().send(plain, to: ["a@y.test", "b@y.test"]) == [250, 250])
        let log = try await lab.waitForLog("removed")
        #expect(log.ranges(of: "the rest goes in another transaction").count == 1)
        #expect(log.ranges(of: "status=deferred").count == 1)
        #expect(lab.upstream.messages.map(\.to) == [["a@y.test"], ["b@y.test"]])
        #expect(try await lab.stop() == 0)
        await lab.upstream.stop()
    }

    @Test func aSlowUpstreamHoldsUpNobodyElsesMail() async throws {
        let slow = try await FakeUpstream.start(faults(Fault(at: "content", action: .delay, milliseconds: 600_000)))
        let lab = try await Lab(
            more: """
                [limits]
                in-flight = "1MiB"
                drain = "1s"
                [upstream.slow]
                address = "127.0.0.1:\(slow.port)"
                tls = "none"
                final-dot-timeout = "120s"
                [tag.Slow]
                upstream = "slow"
                """)
        try await lab.start()
        // Larger than all there is to share, and under way for ten minutes.
        #expect(await lab.client().send(tracked("Slow", lines: 20_000)) == [250])
        try await lab.waitForLog("size=14")
        // So large that it gets none of what is kept for small ones.
        #expect(await lab.client().send(tracked(lines: 400)) == [250])
        let log = try await lab.waitForLog("status=sent")
        #expect(!log.contains("status=uncertain"))
        _ = try await lab.stop()
        await lab.upstream.stop()
        await slow.stop()
    }

    @Test(arguments: [plain, tracked()]) func aMailboxNamedTwiceGetsOneCopy(_ mail: String) async throws {
        let lab = try await Lab()
        try await lab.start()
        let given = ["b@example.net", "b@EXAMPLE.net", "B@example.net", "b@example.net"]
        #expect(await lab.client().send(mail, to: given) == [250, 250, 250, 250])
        let log = try await lab.waitForLog("removed")
        #expect(lab.upstream.messages.flatMap(\.to).sorted() == ["B@example.net", "b@example.net"])
        #expect(log.ranges(of: "status=sent").count == 2 && log.contains("nrcpt=2"))
        #expect(try await lab.stop() == 0)
        await lab.upstream.stop()
    }
}
