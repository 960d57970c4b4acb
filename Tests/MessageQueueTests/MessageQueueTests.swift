import MessageQueue
import Synchronization
import Testing

/// A store in memory.
private final class MemoryStore: QueueStore {
    let messages = Mutex<[QueueID: QueuedMessage]>([:])
    let asked = Mutex(0)

    func open() async throws -> QueueRecovery { QueueRecovery() }
    func commit(_ message: QueuedMessage, _ content: QueueContent) async throws -> QueuedMessage {
        messages.withLock { $0[message.id] = message }
        return message
    }
    func update(_ message: QueuedMessage) {
        messages.withLock { if $0[message.id] != nil { $0[message.id] = message } }
    }
    func remove(_ id: QueueID) { messages.withLock { $0[id] = nil } }
    func content(of message: QueuedMessage) async throws -> [UInt8] { [7] }
    func due(_ upstream: String, before now: Int64, limit: Int) async throws -> [QueuedMessage] {
        asked.withLock { $0 += 1 }
        return messages.withLock { all in
            Array(
                all.values.filter { $0.upstream == upstream && $0.nextAttempt <= now && !$0.isHeld }
                    .sorted { ($0.nextAttempt, $0.id) < ($1.nextAttempt, $1.id) }.prefix(limit))
        }
    }
    func nextDue(after now: Int64) async throws -> Int64? {
        messages.withLock { $0.values.map(\.nextAttempt).filter { $0 > now }.min() }
    }
    func reassign(unless known: [String], to fallback: String) async throws {}
    func changeCount() async throws -> Int { 0 }
    func makeSpill() throws -> any QueueSpill { throw QueueError.storageFailed("no spills here") }
    func close() async {}
}

private struct Setting {
    let store = MemoryStore()
    let time = Clock()
    let queue: MessageQueue

    final class Clock: Sendable {
        let now = Mutex<Int64>(1_000)
    }

    init(waits: [Int64] = [100, 200], lifetime: Int64 = 1_000) {
        let time = time
        queue = MessageQueue(
            store: store, upstreams: ["default", "other"], schedule: RetrySchedule(waits: waits, lifetime: lifetime),
            now: { time.now.withLock { $0 } })
    }

    func submit(_ upstream: String = "default", recipients: [String] = ["a@b.test"]) async throws -> QueueID {
        let id = await queue.makeID()
        let now = time.now.withLock { $0 }
        let new = NewMessage(arrival: now, upstream: upstream, reversePath: "", recipients: recipients, octets: 1)
        try await queue.submit(new, id: id, content: .memory([7]))
        return id
    }
}

@Test func idsAreOrderedAndReadable() async throws {
    let setting = Setting()
    var last = await setting.queue.makeID()
    for _ in 0..<1_000 {
        let next = await setting.queue.makeID()
        #expect(next > last)
        #expect(QueueID(next.description) == next && next.description.count == 13)
        #expect(QueueID(next.description.lowercased()) == next)
        last = next
    }
    for text in ["", "0", "ZZZZZZZZZZZZZ", "U000000000000"] { #expect(QueueID(text) == nil) }
}

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
    #expect(setting.store.messages.withLock { $0.isEmpty })
}

@Test func aPausedUpstreamIsLeftAloneAndOthersGoOn() async throws {
    let setting = Setting()
    _ = try await setting.queue.start()
    await setting.queue.pause("default", until: 5_000)
    let waiting = try await setting.submit()
    let other = try await setting.submit("other")
    #expect(await setting.queue.next("other")?.message.id == other)
    let worker = Task { await setting.queue.next("default")?.message.id }
    await setting.queue.tick()
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
