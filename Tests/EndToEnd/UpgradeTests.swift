import FakeUpstream
import Foundation
import MailMessage
import Testing

/// A data directory as the first version left it: two tracked mails in the queue that the upstream has not taken, three
/// delivered copies with an open and a click each, and the key that signed them (`Fixtures/first-form`).
@Suite(.serialized) struct UpgradeTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/first-form")
    /// A link of a mail that was delivered then.
    private static let click =
        "/c/AQEAR3LfG0ZZJnBYAABodHRwczovL3Nob3AuZXhhbXBsZS8xP2E9MSZiPTJxOGFJ58-FsNd5jckgVCir"

    private func lab() async throws -> Lab {
        // The fixture gets older with each day; nothing of it may be due for deletion.
        let lab = try await Lab(
            trackingLines: """
                keep-personal = "36500d"
                keep-hits = "36500d"
                keep-figures = "36500d"
                """, more: "[tag.Anon]\nprivacy = \"anonymous\"\n")
        try FileManager.default.copyItem(atPath: Self.fixture.path, toPath: lab.folder + "/data")
        return lab
    }

    @Test func mailOfTheFirstVersionGoesOutTracked() async throws {
        let lab = try await lab()
        try await lab.start()
        // Their lifetime has ended long ago: they are tried all the same, or kept as failed until somebody asks.
        let retried = try await lab.run("queue", "retry", "--all", "--config", lab.folder + "/relay.conf")
        #expect(retried.status == 0, "\(retried.output)")
        #expect(await lab.delivers(3))
        #expect(
            lab.upstream.messages.map { $0.to.joined() }.sorted()
                == ["ann@customer.example", "bob@customer.example", "eve@customer.example"])
        for message in lab.upstream.messages {
            let tree = try MIMETree.parse(message.content)
            let part = try #require(tree.parts.first { $0.contentType.is("text", "html") })
            let html = String(decoding: QuotedPrintable.decode(message.content, in: part.body).bytes, as: UTF8.self)
            let link = try #require(html.firstMatch(of: /http:\/\/127.0.0.1:8025(\/c\/[A-Za-z0-9_-]+)/)?.1)
            #expect(try await lab.get(String(link)).contains("Location: https://shop.example/"))
        }
        #expect(try await lab.stop() == 0)
        let left = try await lab.run("queue", "list", "--config", lab.folder + "/relay.conf")
        #expect(left.output.contains("0 in the queue"), "\(left.output)")
    }

    @Test func linksAndFiguresOfTheFirstVersionStand() async throws {
        let lab = try await lab()
        try await lab.start()
        #expect(try await lab.get(Self.click).contains("Location: https://shop.example/1?a=1&b=2\r\n"))
        let events = try await lab.run("events", "--config", lab.folder + "/relay.conf") {
            $0.output.split(separator: "\n").filter { $0.contains("  sent  ") }.count == 3
        }
        #expect(events.output.contains("click  ") && events.output.contains("open  "))
        #expect(try await lab.stop() == 0)
    }
}
