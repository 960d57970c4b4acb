import MessageQueue
import Synchronization
import Testing

@Test func firstInFirstOutAndOnceEach() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    var sent: [QueueID] = []
    for _ in 0..<10 { sent.append(try await setting.submit()) }
    var got: [QueueID] = []
    for _ in 0..<10 {
        let lease = try #require(await setting.queue.next("default"))
        #expect(try await setting.queue.content(of: lease) == [7])
        got.append(lease.message.id)
        let settlement = await setting.queue.settle(lease, [0: .delivered("250")])
        #expect(settlement.nextAttempt == nil)
    }
    #expect(got == sent)
    #expect(setting.store.messages.withLock { $0.isEmpty })
}

@Test func aBacklogIsPagedInWithoutLossOrRepetition() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    for _ in 0..<5_000 { _ = try await setting.submit() }
    #expect(await setting.queue.statistics.ready <= 2_000)
    var seen: Set<QueueID> = []
    for _ in 0..<5_000 {
        let lease = try #require(await setting.queue.next("default"))
        #expect(seen.insert(lease.message.id).inserted)
        _ = await setting.queue.settle(lease, [0: .delivered("250")])
    }
    #expect(seen.count == 5_000)
    // Work per message is bounded: the store was asked for pages, not for messages.
    #expect(setting.store.asked.withLock { $0 } < 50)
}

private final class Counts: Sendable {
    let values = Mutex<[QueueID: Int]>([:])
}

@Test func concurrentWorkersNeverShareAMessage() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    let counts = Counts()
    let queue = setting.queue
    let workers = Task {
        await withDiscardingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    while let lease = await queue.next("default") {
                        counts.values.withLock { $0[lease.message.id, default: 0] += 1 }
                        await Task.yield()
                        _ = await queue.settle(lease, [0: .delivered("250")])
                    }
                }
            }
        }
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 { group.addTask { for _ in 0..<200 { _ = try await setting.submit() } } }
        try await group.waitForAll()
    }
    while !setting.store.messages.withLock({ $0.isEmpty }) {
        await setting.queue.tick()
        await Task.yield()
    }
    await setting.queue.stop()
    await workers.value
    #expect(counts.values.withLock { $0.count } == 4_000)
    #expect(counts.values.withLock { $0.values.allSatisfy { $0 == 1 } })
}

@Test func deferralsFollowTheScheduleAndEndInExpiry() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    _ = try await setting.submit(recipients: ["a@b.test", "c@d.test"])
    var lease = try #require(await setting.queue.next("default"))
    var settlement = await setting.queue.settle(lease, [0: .delivered("250"), 1: .deferred("451 later")])
    let next = try #require(settlement.nextAttempt)
    #expect(1_080...1_120 ~= next)
    await setting.queue.tick()
    setting.time.now.withLock { $0 = next }
    await setting.queue.tick()
    lease = try #require(await setting.queue.next("default"))
    #expect(lease.message.waiting.map(\.address) == ["c@d.test"] && lease.message.attempts == 1)
    setting.time.now.withLock { $0 = 2_000 }
    settlement = await setting.queue.settle(lease, [1: .deferred("451 still")])
    #expect(settlement.expired.map(\.address) == ["c@d.test"] && settlement.nextAttempt == nil)
    #expect(settlement.isKept)
}

@Test func aPausedUpstreamIsLeftAloneAndOthersGoOn() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    await setting.queue.pause("default", for: .milliseconds(4_000))
    let waiting = try await setting.submit()
    let other = try await setting.submit("other")
    #expect(await setting.queue.next("other")?.message.id == other)
    let worker = Task { await setting.queue.next("default")?.message.id }
    await setting.queue.tick()
    setting.time.now.withLock { $0 = 4_999 }
    await setting.queue.tick()
    #expect(await setting.queue.statistics.leased == 1)
    setting.time.now.withLock { $0 = 5_000 }
    await setting.queue.tick()
    #expect(await worker.value == waiting)
}

@Test func waitingWorkersAreSentHome() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    let stopped = Task { await setting.queue.next("default") == nil }
    let cancelled = Task { await setting.queue.next("other") == nil }
    await Task.yield()
    cancelled.cancel()
    #expect(await cancelled.value)
    await setting.queue.stop()
    #expect(await stopped.value)
}
