import MessageQueue
import RelayConfiguration
import SMTPProtocol
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import Relay
@testable import SMTPTransport
@testable import TrackingWeb

private func settings(_ more: String) throws -> RelaySettings {
    try ConfigurationLoader.parse(
        """
        [upstream.default]
        address = "127.0.0.1:25"
        [tracking]
        base-url = "https://t.example.com/a"
        \(more)
        """, file: "relay.conf")
}

/// Whoever takes mail in sees a replaced policy with the next mail, in every respect; a mail of before keeps its own.
@Test func aReplacedPolicyHoldsFromTheNextMailOn() async throws {
    let bench = try await RelayBench()
    bench.book.replace(with: PolicySnapshot(try settings("[tag.news]\nprivacy = \"full\"\npixel = \"top\""), keyID: 1))
    let told = Mutex<[MessageRecord]>([])
    try await bench.queue.tell { notices in
        for notice in notices {
            if case .message(let record)? = EventCoding.decode(notice.record[...])?.event {
                told.withLock { $0.append(record) }
            }
        }
        return notices.count
    }
    let submission = bench.submission()
    let envelope = try RelayBench.envelope()
    let trace = String(
        decoding: TraceHeader.encode(TraceRequest(tagName: "news", opens: true, clicks: true)), as: UTF8.self)
    let mail = Array("X-AliDM-Trace: \(trace)\r\nX-Kind: sale\r\nSubject: Hello\r\n\r\ntext\r\n".utf8)
    let connection = ConnectionFacts(id: 1, listener: "127.0.0.1:2525", client: "127.0.0.1")
    func send() async { _ = await submission.message(envelope, .memory(mail), connection) }
    await send()
    bench.book.replace(
        with: PolicySnapshot(
            try settings(
                """
                keep-subject = true
                privacy = "anonymous"
                [tag.sale]
                base-url = "https://u.example.com/b"
                [[rule]]
                header = { X-Kind = "sale" }
                tag = "sale"
                override = true
                """), keyID: 9))
    await send()
    #expect(told.withLock { $0.map(\.tag) } == ["news", "sale"])
    #expect(told.withLock { $0.map(\.subject) } == ["", "Hello"])
    #expect(told.withLock { $0.map(\.privacy) } == [.full, .anonymous])
    let first = try #require(await bench.queue.next("default")).message
    let second = try #require(await bench.queue.next("default")).message
    let old = try TrackingDecision(encoded: first.decision)
    let new = try TrackingDecision(encoded: second.decision)
    #expect(old.tag.description == "news" && old.pixel == .top && old.keyID == 1)
    #expect(new.tag.description == "sale" && new.baseURL.host == "u.example.com" && new.keyID == 9)
    #expect(old.trackingHosts == ["t.example.com"] && new.trackingHosts == ["t.example.com", "u.example.com"])
    await bench.queue.close()
}

/// What console, hits and retention ask the book for follows from the policies.
@Test func aSnapshotTellsWhatFollowsFromItsPolicies() throws {
    let snapshot = PolicySnapshot(
        try settings("keep-hits = \"7d\"\n[tag.a]\nbase-url = \"https://u.example.com/b\"\nkeep-hits = \"1d\""),
        keyID: 1)
    #expect(snapshot.prefixes.all == ["", "/a", "/b"])
    #expect(snapshot.retention.others.hits == 7 * 86_400_000)
    #expect(snapshot.retention.tags["a"]?.hits == 86_400_000)
    #expect(snapshot.lines["a"]?.first { $0.key == "keep-hits" }?.value == .time(.seconds(86_400)))
    #expect(snapshot.policy(of: "a").baseURL.path == "/b" && snapshot.policy(of: "b").baseURL.path == "/a")
}
