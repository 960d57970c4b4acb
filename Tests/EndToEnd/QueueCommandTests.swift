import FakeUpstream
import Foundation
import SMTPProtocol
import SMTPTransport
import Testing

extension EndToEnd {
    /// A mail that the upstream refuses for good is kept, listed with the reply, shown octet by octet, and goes when it is
    /// tried again.
    @Test func refusedMailIsKeptUntilASysadminDecides() async throws {
        let lab = try await Lab()
        try lab.upstream.script.add(Fault(at: "RCPT", action: .reply, reply: "550 5.1.1 no such user"))
        try await lab.start()
        let client = lab.client()
        let codes = await client.send("Subject: caf\u{E9}\nContent-Type: text/plain; charset=utf-8\n\nna\u{EF}ve\n")
        #expect(codes == [250])
        await client.close()
        try await lab.waitForLog("kept as failed")
        #expect(!lab.log.contains(" removed "))
        let config = lab.folder + "/relay.conf"
        let list = try await lab.run("queue", "list", "--config", config) { $0.output.contains("[failed]") }
        #expect(list.status == 0 && list.output.contains("550 5.1.1 no such user"))
        #expect(list.output.contains("1 in the queue, 1 failed\n"))
        let id = try #require(list.output.split(separator: " ").first.map(String.init))
        let json = try await lab.run("queue", "list", "--json", "--config", config)
        #expect(json.output.contains("\"failed\":true") && json.output.contains("\"state\":\"failed\""))
        try await lab.waitForPage("/metrics") { $0.contains("queue_failed_messages 1") }
        #expect(try await lab.get("/queue", host: "127.0.0.1").contains("it is kept until you retry or delete it"))

        // It survives the service, and is told of at the next start.
        #expect(try await lab.stop() == 0)
        try await lab.start()
        try await lab.waitForLog("mail in the queue needs you")
        let shown = try await lab.run("queue", "show", id, "--content", "--config", config)
        #expect(shown.output.hasPrefix("Subject: caf\u{E9}\r\n") && shown.output.hasSuffix("na\u{EF}ve\r\n"))
        lab.upstream.script.clear()
        let retry = try await lab.run("queue", "retry", id, "--config", config)
        #expect(retry.status == 0 && retry.output == "1 due now\n")
        try await lab.waitForLog(" removed ")
        #expect(lab.upstream.messages.count == 1)
        try await lab.run("queue", "list", "--config", config) { $0.output == "0 in the queue\n" }
        #expect(try await lab.stop() == 0)
    }

    /// Octets that are no UTF-8 come out as they came in.
    @Test func contentIsShownOctetByOctet() async throws {
        let lab = try await Lab()
        try lab.upstream.script.add(Fault(at: "RCPT", action: .reply, reply: "450 4.2.0 later"))
        try await lab.start()
        let content = Array("Subject: odd\r\n\r\n".utf8) + [0xE9, 0xFF, 0x80] + Array(" end\r\n".utf8)
        let client = lab.client()
        let report = await client.deliver(
            Transaction(
                reversePath: ReversePath(Mailbox("a@b.test")),
                recipients: [try #require(Mailbox("c@d.test"))].map { ForwardPath($0) }, octets: content.count),
            OutgoingContent(pieces: [content[...]]))
        await client.close()
        guard case .answered(let replies) = report.outcome, replies.first?.reply.code == 250 else {
            Issue.record("not taken: \(report.outcome)")
            return
        }
        let config = lab.folder + "/relay.conf"
        let list = try await lab.run("queue", "list", "--config", config)
        let id = try #require(list.output.split(separator: " ").first.map(String.init))
        let shown = try await lab.run("queue", "show", id, "--content", "--config", config)
        #expect(shown.octets == content)
        #expect(try await lab.stop() == 0)
    }
}
