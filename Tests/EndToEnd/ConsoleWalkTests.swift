import FakeUpstream
import Foundation
import OpenSSLBridge
import Testing
import Tracking

private let trace = String(
    decoding: TraceHeader.encode(TraceRequest(tagName: "Test", opens: true, clicks: true)), as: UTF8.self)

private let mail = """
    From: News <news@shop.example>
    Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=
    Date: Mon, 1 Jan 2024 00:00:00 +0000
    Message-ID: <1@shop.example>
    MIME-Version: 1.0
    Content-Type: text/html; charset=UTF-8
    X-AliDM-Trace: \(trace)

    <html><body><a href="https://a.example/?x=1&amp;y=2">x</a></body></html>

    """

extension EndToEnd {
    /// Whoever is on the deny list gets the mail as it came, by address or by digest, and the console says so.
    @Test func deniedRecipientsAreNotTracked() async throws {
        let digest = SHA256.digest(Array("bob@c.example".utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let list = FileManager.default.temporaryDirectory.appendingPathComponent("deny-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: list) }
        try "# who asked\nANN@c.example\n\(digest.joined())\n".write(toFile: list, atomically: true, encoding: .utf8)
        for mode in ["split", "shared"] {
            let lab = try await Lab(trackingLines: "deny-list-file = \"\(list)\"\nrecipients = \"\(mode)\"")
            try await lab.start()
            let to = ["ann@c.example", "bob@c.example", "eve@c.example"]
            #expect(await lab.client().send(mail, to: to) == [250, 250, 250])
            #expect(await lab.delivers(mode == "split" ? 3 : 2))
            for message in lab.upstream.messages {
                let text = String(decoding: message.content, as: UTF8.self)
                #expect(text.contains("/o/") == (message.to == ["eve@c.example"]), "\(message.to)")
                #expect(!text.contains("X-AliDM-Trace"))
            }
            try await lab.waitForPage("/metrics") {
                $0.contains("mail_passed_through_total{reason=\"recipient-denied\"} 2\n")
            }
        }
    }

    /// A mail that has left the queue can be looked at for as long as its tag says.
    @Test func theConsoleShowsWhatWasSent() async throws {
        let lab = try await Lab(trackingLines: "keep-source = \"1h\"\nkeep-subject = true")
        try await lab.start()
        #expect(await lab.client().send(mail) == [250])
        #expect(await lab.delivers(1))
        _ = try await lab.waitForLog("removed")
        let list = try await lab.waitForPage("/api/v1/messages") { $0.contains("sent\":1") }
        #expect(list.contains("\"subject\":\"Grüße\"") && list.contains("\"sent\":1"))
        let id = try #require(list.firstMatch(of: /"message":"([0-9a-f]{20})"/)?.1)
        let page = try await lab.console("/messages/\(id)")
        #expect(
            page.contains("tracked as link 0") && page.contains("Timeline") && page.contains("ann@customer.example"))
        #expect(
            try await lab.console("/messages/\(id)/original")
                .contains("\r\n\r\n<html><body><a href=\"https://a.example/"))
        let sent = try await lab.console("/messages/\(id)/sent")
        let arrived = String(decoding: try #require(lab.upstream.messages.first).content, as: UTF8.self)
        #expect(sent.hasSuffix("\r\n\r\n" + arrived))
        #expect(try await lab.console("/messages/\(id)/html/sent").contains("/c/"))
        // Erased, it is nowhere.
        let erased = try await lab.run(
            "events", "erase", "ann@customer.example", "--config", lab.folder + "/relay.conf")
        #expect(erased.output.contains("is erased from 1 mail"))
        let after = try await lab.console("/messages/\(id)")
        #expect(!after.contains("ann@customer.example") && !after.contains("Grüße"))
        #expect(try await lab.console("/messages/\(id)/original").hasPrefix("HTTP/1.1 404"))
    }
}

extension EndToEnd {
    /// Of anonymous mail no text is kept, whatever `keep-source` says: it names its recipient.
    @Test func anonymousMailLeavesNoText() async throws {
        let lab = try await Lab(
            trackingLines: "keep-source = \"1h\"\nprivacy = \"anonymous\"", more: "[tag.Named]\nprivacy = \"full\"")
        try await lab.start()
        for (number, tag) in ["Test", "Named"].enumerated() {
            let trace = TraceHeader.encode(TraceRequest(tagName: tag, opens: true, clicks: true))
            let header = "X-AliDM-Trace: \(String(decoding: trace, as: UTF8.self))\nTo: ann@customer.example\n"
            #expect(await lab.client().send(header + "Subject: x\n\nx\n") == [250])
            #expect(await lab.delivers(number + 1))
            try await lab.waitForPage("/api/v1/messages?tag=\(tag)") { $0.contains("\"tag\":\"\(tag)\"") }
        }
        // The texts are kept one after the other: where the second one is, the first would be.
        for (tag, status) in [("Named", "200"), ("Test", "404")] {
            let list = try await lab.console("/api/v1/messages?tag=\(tag)")
            let id = try #require(list.firstMatch(of: /"message":"([0-9a-f]{20})"/)?.1)
            try await lab.waitForPage("/messages/\(id)/original") { $0.hasPrefix("HTTP/1.1 \(status)") }
        }
    }
}

extension Lab {
    /// GET as a browser on this machine would.
    fileprivate func console(_ path: String) async throws -> String { try await get(path, host: "127.0.0.1") }
}
