import MessageQueue
import Synchronization
import Testing

/// What fails for good is kept until a sysadmin has decided.
@Test(.timeLimit(.minutes(10))) func aRefusedMailIsKeptAndNotOffered() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    let id = try await setting.submit(recipients: ["a@b.test", "c@d.test"])
    var lease = try #require(await setting.queue.next("default"))
    var settlement = await setting.queue.settle(lease, [0: .failed("550 no such user"), 1: .deferred("451 later")])
    #expect(settlement.nextAttempt != nil && !settlement.isKept)
    setting.time.now.withLock { $0 += 500 }
    await setting.queue.tick()
    lease = try #require(await setting.queue.next("default"))
    settlement = await setting.queue.settle(lease, [1: .delivered("250 ok")])
    #expect(settlement.nextAttempt == nil && settlement.isKept)
    #expect(settlement.failed.map(\.address) == ["a@b.test"] && settlement.expired.isEmpty)
    let kept = try #require(setting.store.messages.withLock { $0[id] })
    #expect(kept.isFailed && kept.recipients.map(\.state) == [.failed, .delivered])
    #expect(kept.recipients[0].lastReply == "550 no such user")
    setting.time.now.withLock { $0 += 100_000 }
    await setting.queue.tick()
    #expect(await setting.queue.statistics.ready == 0)

    // Tried anew, it goes to whoever did not get it.
    #expect(try await setting.queue.retry([id]).due == 1)
    lease = try #require(await setting.queue.next("default"))
    #expect(lease.message.waiting.map(\.address) == ["a@b.test"] && lease.message.attempts == 0)
    settlement = await setting.queue.settle(lease, [0: .delivered("250 ok")])
    #expect(!settlement.isKept && settlement.nextAttempt == nil)
    #expect(setting.store.messages.withLock { $0.isEmpty })
}

@Test(.timeLimit(.minutes(10))) func anExpiredMailIsKeptWithItsLastReply() async throws {
    let setting = Setting(waits: [100], lifetime: 50)
    _ = try await setting.queue.start()
    let id = try await setting.submit()
    let lease = try #require(await setting.queue.next("default"))
    setting.time.now.withLock { $0 += 60 }
    let settlement = await setting.queue.settle(lease, [0: .deferred("451 try later")])
    #expect(settlement.isKept && settlement.expired.map(\.lastReply) == ["451 try later"])
    let kept = try #require(setting.store.messages.withLock { $0[id] })
    #expect(kept.isFailed && kept.recipients[0].lastReply == "expired; the last reply was: 451 try later")
}
