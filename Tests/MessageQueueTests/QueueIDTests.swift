import Synchronization
import Testing

@testable import MessageQueue

private func time(_ id: QueueID) -> Int64 { id.rawValue >> 21 }
private func node(_ id: QueueID) -> Int64 { id.rawValue >> 11 & 1_023 }

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
    for text in ["", "0", "ZZZZZZZZZZZZZ", "G000000000000", "U000000000000"] { #expect(QueueID(text) == nil) }
}

@Test func aMillisecondHoldsNoMoreIdsThanItCountsAndTheNodeStays() {
    var generator = SystemRandomNumberGenerator()
    let now: Int64 = 1_790_000_000_000
    var last = QueueID(now: now, after: nil, node: 1_023, using: &generator)
    #expect(time(last) == now)
    for _ in 0..<10_000 {
        let next = QueueID(now: now, after: last, node: 1_023, using: &generator)
        #expect(next > last && node(next) == 1_023)
        last = next
    }
    // A fifth of a thousandth each: 10,000 need at least four milliseconds, and none is left half empty for long.
    #expect((4...10).contains(time(last) - now))
    #expect(time(QueueID(now: now + 60_000, after: last, using: &generator)) == now + 60_000)
}

@Test func idsOfOtherNodesAndOfBeforeAreNotContinued() {
    var generator = SystemRandomNumberGenerator()
    let now: Int64 = 1_790_000_000_000
    let before = QueueID(rawValue: now << 21 | 0x1F_FFFF)
    let next = QueueID(now: now, after: before, node: 5, using: &generator)
    #expect(next > before && node(next) == 5)
    // Set back by an hour: still behind what there is.
    let back = QueueID(now: now - 3_600_000, after: next, node: 5, using: &generator)
    #expect(back.rawValue == next.rawValue + 1)
    // No row, however damaged, leads out of the range.
    for odd in [Int64.max, .min, -1] {
        let fresh = QueueID(now: now, after: QueueID(rawValue: odd), node: 5, using: &generator)
        #expect(time(fresh) == now && node(fresh) == 5)
    }
}

@Test func aQueueGoesOnBehindItsYoungest() async throws {
    let setting = Setting()
    let there = QueueID(rawValue: 1 << 50)
    setting.store.youngest.withLock { $0 = there }
    _ = try await setting.queue.start()
    #expect(await setting.queue.makeID() > there)
}
