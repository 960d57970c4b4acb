import FakeUpstream
import MessageQueue
import Testing

@testable import Relay

/// What an envelope holds that cannot be read any more is kept and told; whoever can have the mail gets it.
@Test(.timeLimit(.minutes(10)), arguments: ["s@x.test", "", "no address"])
func anAddressThatCannotBeReadKeepsNobodyFromHisMail(_ sender: String) async throws {
    var plain = FakeUpstream.Settings()
    plain.tls = .none
    let upstream = try await FakeUpstream.start(plain)
    let bench = try await RelayBench(upstream: upstream.port)
    let delivery = try bench.delivery()
    let running = Task { await delivery.run() }
    let new = NewMessage(
        arrival: SystemClock.now(), upstream: "default", reversePath: sender,
        recipients: ["a@y.test", "no address", "b@y.test"], octets: 17)
    try await bench.queue.submit(
        new, id: await bench.queue.makeID(), content: .memory(Array("Subject: x\r\n\r\nx\r\n".utf8)))
    await bench.queue.tick()
    let end = ContinuousClock.now + .seconds(60)
    while try bench.stored().first?.isFailed != true, ContinuousClock.now < end { await Task.yield() }
    await bench.queue.stop()
    await running.value
    await bench.queue.close()
    let kept = try #require(try bench.stored().first)
    if sender == "no address" {
        #expect(upstream.messages.isEmpty)
        #expect(kept.recipients.map(\.state) == [.failed, .failed, .failed])
    } else {
        #expect(upstream.messages.map(\.to) == [["a@y.test", "b@y.test"]])
        #expect(upstream.messages.map(\.from) == [sender])
        #expect(kept.recipients.map(\.state) == [.delivered, .failed, .delivered])
    }
    await upstream.stop()
}
