import MessageQueue
import Synchronization
import Testing

/// A message as an earlier run of the service left it.
private func stored(_ number: Int64, next: Int64, expires: Int64) -> QueuedMessage {
    let new = NewMessage(arrival: 0, upstream: "default", reversePath: "", recipients: ["a@b.test"], octets: 1)
    var message = QueuedMessage(new, id: QueueID(rawValue: number), expires: expires)
    message.nextAttempt = next
    return message
}

/// The clock was set back between two runs, by two minutes, six hours or a year: nothing waits longer than the schedule.
@Test(.timeLimit(.minutes(10)), arguments: [120_000, 6 * 3_600_000, 365 * 86_400_000] as [Int64])
func aClockThatWasSetBackStopsNothing(_ jump: Int64) async throws {
    let setting = Setting(waits: [30_000, 60_000], lifetime: 1 << 40)
    setting.store.messages.withLock { $0[QueueID(rawValue: 1)] = stored(1, next: 1_000 + jump, expires: 1 << 50) }
    _ = try await setting.queue.start()
    await setting.queue.tick()
    let lease = try #require(await setting.queue.next("default"))
    let settlement = await setting.queue.settle(lease, [0: .deferred("451")])
    #expect(try #require(settlement.nextAttempt) <= 1_000 + 36_001)
}

/// The wall clock is asked once; whoever sets it later sets nothing here.
@Test(.timeLimit(.minutes(10))) func aRunningQueueDoesNotHearOfTheWallClock() async throws {
    let wall = Mutex<Int64>(1_000_000)
    let uptime = Mutex<Int64>(5)
    let store = MemoryStore()
    let queue = MessageQueue(
        store: store, upstreams: ["default"], schedule: RetrySchedule(waits: [100], lifetime: 1_000),
        now: { wall.withLock { $0 } }, uptime: { uptime.withLock { $0 } })
    _ = try await queue.start()
    wall.withLock { $0 = 1 }
    await queue.pause("default", for: .seconds(2))
    let new = NewMessage(arrival: 1, upstream: "default", reversePath: "", recipients: ["a@b.test"], octets: 1)
    try await queue.submit(new, id: await queue.makeID(), content: .memory([7]))
    #expect(store.messages.withLock { $0.values.first?.nextAttempt } == 1_000_000)
    await queue.tick()
    #expect(await queue.statistics.leased == 0)
    uptime.withLock { $0 += 2_000 }
    #expect(await queue.next("default") != nil)
}

/// Set forward by a year while the service was down: each mail still gets the attempts that its lifetime promised.
@Test(.timeLimit(.minutes(10))) func aClockThatWasSetForwardExpiresNothingAtOnce() async throws {
    let setting = Setting(waits: [100, 200, 300], lifetime: 10_000)
    setting.store.messages.withLock { $0[QueueID(rawValue: 1)] = stored(1, next: 0, expires: 1) }
    _ = try await setting.queue.start()
    for attempt in 1...3 {
        let lease = try #require(await setting.queue.next("default"))
        let settlement = await setting.queue.settle(lease, [0: .deferred("451")])
        #expect(settlement.isKept == (attempt == 3), "attempt \(attempt)")
        guard let next = settlement.nextAttempt else { continue }
        #expect(next > setting.time.now.withLock { $0 })
        setting.time.now.withLock { $0 = next }
        await setting.queue.tick()
    }
}
