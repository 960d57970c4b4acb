import FakeUpstream
import MessageQueue
import SMTPTransport
import Testing

@testable import Relay

/// An upstream that keeps the first content for itself: mail under way at a stop has its time, then its outcome, and is
/// still in the queue.
@Test(.timeLimit(.minutes(10))) func aStopEndsWhatIsUnderWayWithItsOutcome() async throws {
    var faults = FakeUpstream.Settings()
    faults.tls = .none
    faults.script = try FaultScript([Fault(at: "content", action: .delay, milliseconds: 30_000, times: 1)])
    let upstream = try await FakeUpstream.start(faults)
    let bench = try await RelayBench(upstream: upstream.port)
    let delivery = try bench.delivery()
    let running = Task { await delivery.run() }
    let new = NewMessage(
        arrival: SystemClock.now(), upstream: "default", reversePath: "s@x.test", recipients: ["a@y.test"], octets: 17)
    try await bench.queue.submit(
        new, id: await bench.queue.makeID(), content: .memory(Array("Subject: x\r\n\r\nx\r\n".utf8)))
    await bench.queue.tick()
    while await bench.queue.statistics.leased == 0 { await Task.yield() }
    while await delivery.pool.state.open == 0 { await Task.yield() }
    await bench.queue.stop()
    let begun = ContinuousClock.now
    await delivery.stop(within: .milliseconds(200))
    #expect(ContinuousClock.now - begun >= .milliseconds(200))
    await running.value
    #expect(await bench.queue.statistics.leased == 0)
    await bench.queue.close()
    let kept = try #require(try bench.stored().first)
    #expect(kept.attempts == 1 && kept.waiting.count == 1)
    #expect(kept.recipients[0].lastReply.contains("the relay is stopping"), "\(kept.recipients[0].lastReply)")
    await upstream.stop()
}

/// Nothing under way, nothing to wait for.
@Test(.timeLimit(.minutes(10))) func aStopOfAnIdleDeliveryTakesNoTime() async throws {
    let bench = try await RelayBench()
    let delivery = try bench.delivery()
    let running = Task { await delivery.run() }
    await bench.queue.stop()
    await running.value
    await delivery.stop(within: .seconds(3_600))
    await bench.queue.close()
}
