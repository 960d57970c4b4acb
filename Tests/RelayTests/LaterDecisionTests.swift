import MessageQueue
import Testing

@testable import Relay

/// A mail whose tracking was decided by a later version is neither sent otherwise nor lost: it waits, and says why.
@Test func aMailOfALaterVersionWaits() async throws {
    // Nobody listens there: what is tried has the reason of a connection that was refused.
    let bench = try await RelayBench()
    var new = NewMessage(
        arrival: SystemClock.now(), upstream: "default", reversePath: "a@b.example", recipients: ["c@d.example"],
        octets: 9)
    new.decision = Array("4\0whatever\0".utf8)
    new.note = MessageNote(message: .unknown).encoded
    let id = await bench.queue.makeID()
    try await bench.queue.submit(new, id: id, content: .memory(Array("A: b\r\n\r\nc".utf8)))
    let delivery = try bench.delivery()
    await delivery.deliver(try #require(await bench.queue.next("default")))
    await delivery.pool.close()
    await bench.queue.close()

    let left = try #require(try bench.stored().first)
    #expect(left.id == id && left.attempts == 1 && left.recipients.map(\.state) == [.waiting])
    #expect(left.recipients.first?.lastReply.contains("a later version of tracerelay") == true)
    #expect(left.decision == new.decision)
}
