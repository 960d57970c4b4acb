import FakeUpstream
import Foundation
import MailMessage
import SMTPProtocol
import Testing
import Tracking

private let trace = String(
    decoding: TraceHeader.encode(TraceRequest(tagName: "Test", opens: true, clicks: true)), as: UTF8.self)

private let tracked = """
    From: News <news@shop.example>
    To: ann@customer.example
    Subject: Hello
    MIME-Version: 1.0
    Content-Type: text/html; charset=UTF-8
    X-AliDM-Trace: \(trace)
    Bcc: secret@customer.example

    <html><body><a href="https://a.example/?x=1&amp;y=2">x</a></body></html>

    """

private func text(_ message: CapturedMessage) -> String { String(decoding: message.content, as: UTF8.self) }

/// The decoded HTML of a captured mail.
private func html(_ message: CapturedMessage) throws -> String {
    let tree = try MIMETree.parse(message.content)
    let part = try #require(tree.parts.first { $0.contentType.is("text", "html") })
    return String(decoding: QuotedPrintable.decode(message.content, in: part.body).bytes, as: UTF8.self)
}

@Suite(.serialized) struct EndToEnd {
    @Test func aTrackedMailArrivesAndItsLinksWork() async throws {
        let lab = try await Lab()
        try await lab.start()
        #expect(await lab.client().send(tracked) == [250])
        #expect(await lab.delivers(1))
        let message = try #require(lab.upstream.messages.first)
        #expect(message.tls?.hasPrefix("TLSv1.3") == true)
        let content = text(message)
        #expect(!content.lowercased().contains("x-alidm-trace") && !content.lowercased().contains("bcc"))
        #expect(
            content.hasPrefix("Received: from client.test ([127.0.0.1])\r\n\tby relay.test (tracerelay) with ESMTP id ")
        )
        #expect(content.contains("\r\nDate: ") && content.contains("\r\nMessage-ID: <"))
        #expect(content.contains("Content-Transfer-Encoding: quoted-printable"))
        let body = try html(message)
        let click = try #require(body.firstMatch(of: /http:\/\/127.0.0.1:8025(\/c\/[A-Za-z0-9_-]+)/)?.1)
        let pixel = try #require(body.firstMatch(of: /http:\/\/127.0.0.1:8025(\/o\/[A-Za-z0-9_-]+\.gif)/)?.1)
        #expect(try await lab.get(String(click)).contains("Location: https://a.example/?x=1&y=2\r\n"))
        #expect(try await lab.get(String(pixel)).contains("image/gif"))
        #expect(try await lab.get("/readyz").hasSuffix("ok\n"))
        let shown = try await lab.run("events", "--config", lab.folder + "/relay.conf") {
            ["delivery  ", "click  ", "open  "].allSatisfy($0.output.contains)
        }.output
        #expect(shown.contains("delivery  sent  <ann@customer.example>  tag=Test"))
        // So soon after the delivery it cannot have been ann.
        #expect(shown.contains("click  scanner  <ann@customer.example>  tag=Test  https://a.example/?x=1&y=2"))
        #expect(shown.contains("the upstream's 250)"))
        let opened = try await lab.run(
            "token", "open", "--config", lab.folder + "/relay.conf", "http://127.0.0.1:8025\(click)")
        #expect(opened.output.contains("leads to https://a.example/?x=1&y=2"))
        #expect(try await lab.stop() == 0)
        #expect(lab.log.contains(" status=sent "))
    }

    @Test func untrackedMailChangesByReceivedOnly() async throws {
        let lab = try await Lab()
        try await lab.start()
        let mail =
            "From: a@b.example\nDate: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <1@b.example>\nSubject:  odd \t\nContent-Type: text/html\n\n.<a href=https://a.example>\u{E9}</a>\n..\n"
        #expect(await lab.client().send(mail) == [250])
        #expect(await lab.delivers(1))
        let arrived = text(try #require(lab.upstream.messages.first))
        let rest = try #require(arrived.range(of: "From: a@b.example"))
        #expect(arrived[rest.lowerBound...] == mail.replacing("\n", with: "\r\n"))
    }

    @Test func aMailToThreeGoesOutThreeTimesWithTokensOfTheirOwn() async throws {
        let lab = try await Lab()
        try await lab.start()
        let to = ["a@c.example", "b@c.example", "c@c.example"]
        #expect(await lab.client().send(tracked, to: to) == [250, 250, 250])
        #expect(await lab.delivers(3))
        #expect(lab.upstream.messages.map(\.to) == to.map { [$0] })
        #expect(Set(try lab.upstream.messages.map(html)).count == 3)
        // Untracked mail is never split.
        #expect(await lab.client().send("Subject: x\n\nx\n", to: to) == [250, 250, 250])
        #expect(await lab.delivers(4))
        #expect(lab.upstream.messages.last?.to == to)
    }

    @Test func recipientsAreJudgedOneByOne() async throws {
        var settings = FakeUpstream.Settings()
        settings.script = try FaultScript([
            Fault(at: "RCPT", action: .reply, address: "no@c.example", reply: "550 5.1.1 no such user"),
            Fault(at: "RCPT", action: .reply, address: "later@c.example", reply: "451 4.2.1 busy", times: 1),
        ])
        let lab = try await Lab(settings)
        try await lab.start()
        #expect(
            await lab.client().send("Subject: x\n\nx\n", to: ["yes@c.example", "no@c.example", "later@c.example"]) == [
                250, 250, 250,
            ])
        #expect(await lab.delivers(2))
        #expect(lab.upstream.messages.map(\.to) == [["yes@c.example"], ["later@c.example"]])
        // Whom nobody could be told of stays in the queue.
        let log = try await lab.waitForLog("kept as failed")
        #expect(
            log.contains("to=<no@c.example>") && log.contains("status=bounced reply=\"550 5.1.1 no such user (RCPT)\""))
    }

    @Test func aWrongAuthorityDefersAndSendsNothing() async throws {
        let other = try await FakeUpstream.start()
        let lab = try await Lab(trust: other.authorityPEM)
        try await lab.start()
        #expect(await lab.client().send(tracked) == [250])
        let log = try await lab.waitForLog("status=deferred")
        #expect(log.contains("certificate of an unknown authority (CN = tracerelay fake upstream CA); check `ca-file`"))
        #expect(lab.upstream.count == 0)
        // The reply is stored behind its line in the log.
        let list = try await lab.run("queue", "list", "--config", lab.folder + "/relay.conf") {
            $0.output.contains("unknown authority")
        }
        #expect(list.status == 0 && list.output.contains("1 in the queue"))
        let gone = try await lab.run("queue", "delete", "--all", "--config", lab.folder + "/relay.conf")
        #expect(gone.output == "1 deleted\n")
    }

    @Test func aWrongNameDefersAndSendsNothing() async throws {
        let lab = try await Lab(upstreamLines: "tls-server-name = \"other.example\"")
        try await lab.start()
        #expect(await lab.client().send(tracked) == [250])
        let log = try await lab.waitForLog("status=deferred")
        #expect(log.contains("certificate name mismatch: expected other.example"))
        #expect(log.contains("tls=- dsn=4.7.5 status=deferred"))
        #expect(lab.upstream.count == 0)
    }

    @Test func aWrongPasswordPausesTheUpstreamAndSaysSo() async throws {
        var settings = FakeUpstream.Settings()
        settings.profile = .directmail
        settings.credentials = Credentials(username: "news@shop.example", password: Secret(Array("right".utf8)))
        let lab = try await Lab(
            settings, upstreamLines: "username = \"news@shop.example\"\npassword-file = \"/dev/null/x\"")
        let path = lab.folder + "/password"
        try "wrong\n".write(toFile: path, atomically: true, encoding: .utf8)
        let conf = try String(contentsOfFile: lab.folder + "/relay.conf", encoding: .utf8).replacing(
            "/dev/null/x", with: path)
        try conf.write(toFile: lab.folder + "/relay.conf", atomically: true, encoding: .utf8)
        try await lab.start()
        #expect(await lab.client().send(tracked) == [250])
        let log = try await lab.waitForLog("status=deferred")
        #expect(log.contains("it needs your attention") && log.contains("refuses the user name or password: 535"))
        // Not "none", as if the password had gone out in clear.
        #expect(log.contains("tls=- dsn=4.7.8 status=deferred"))
        #expect(!log.contains("wrong"))
        try await lab.killHard()
        // The right password, and the mail that waited goes out.
        try "right\n".write(toFile: path, atomically: true, encoding: .utf8)
        try await lab.start()
        #expect(await lab.delivers(1))
        #expect(lab.upstream.messages.first?.user == "news@shop.example")
    }

    @Test func anUpstreamWithout8BITMIMEGetsSevenBits() async throws {
        var settings = FakeUpstream.Settings()
        settings.withheld = ["8BITMIME", "PIPELINING"]
        let lab = try await Lab(settings)
        try await lab.start()
        let client = lab.client()
        #expect(await client.send("Subject: x\nContent-Type: text/plain; charset=utf-8\n\nGrüße\n") == [250])
        #expect(await lab.delivers(1))
        let content = text(try #require(lab.upstream.messages.first))
        #expect(
            content.contains("Content-Transfer-Encoding: quoted-printable") && content.hasSuffix("Gr=C3=BC=C3=9Fe\r\n"))
        try await lab.waitForLog("converted to 7 bit")
        let signed = "Content-Type: multipart/signed; boundary=b\n\n--b\n\nü\n--b\n\nsignature\n--b--\n"
        #expect(await client.send(signed) == [250])
        try await lab.waitForLog("554 5.6.3")
        #expect(lab.upstream.count == 1)
    }

    @Test func aLostReplyIsLoggedAsUncertainAndTheMailGoesAgain() async throws {
        var settings = FakeUpstream.Settings()
        settings.script = try FaultScript([Fault(at: "content", action: .acceptAndHangUp, times: 1)])
        let lab = try await Lab(settings)
        try await lab.start()
        #expect(await lab.client().send(tracked) == [250])
        #expect(await lab.delivers(2))
        // Retry sends the same bytes: tokens, dates and all.
        #expect(lab.upstream.messages[0].content == lab.upstream.messages[1].content)
        try await lab.waitForLog("status=uncertain")
    }

    @Test func badTraceAndUnknownTagAreNeverSilent() async throws {
        let lab = try await Lab(
            trackingLines: "on-bad-trace = \"reject\"", more: "[tag.Own]\nsenders = [\"shop.example\"]")
        try await lab.start()
        let client = lab.client()
        #expect(await client.send("X-AliDM-Trace: ???\nSubject: x\n\nx\n") == [554])
        let other = String(
            decoding: TraceHeader.encode(TraceRequest(tagName: "Nope", opens: true, clicks: true)), as: UTF8.self)
        #expect(await client.send("X-AliDM-Trace: \(other)\nSubject: x\n\nx\n") == [250])
        try await lab.waitForLog("reason=\"unknown-tag: X-AliDM-Trace: tag \\\"Nope\\\" is not configured")
        #expect(await lab.delivers(1))
        let foreign = String(
            decoding: TraceHeader.encode(TraceRequest(tagName: "Own", opens: true, clicks: true)), as: UTF8.self)
        #expect(await client.send("From: a@stranger.example\nX-AliDM-Trace: \(foreign)\nSubject: x\n\nx\n") == [250])
        // Each of them is counted under its reason.
        try await lab.waitForPage("/metrics") { page in
            [
                "mail_refused_total{reason=\"malformed-trace\"} 1\n",
                "mail_untracked_total{reason=\"unknown-tag\"} 1\n",
                "mail_untracked_total{reason=\"sender-not-allowed\"} 1\n",
            ].allSatisfy { page.contains($0) }
        }
    }

    @Test func aBadConfigurationEndsWithItsPlace() async throws {
        let lab = try await Lab(more: "[lgo]\nlevel = \"info\"")
        let result = try await lab.run("serve", "--config", lab.folder + "/relay.conf")
        #expect(result.status == 78)
        #expect(
            result.output.contains("relay.conf:")
                && result.output.contains("unknown key \"lgo\" in relay.conf; did you mean \"log\"?"))
    }
}
