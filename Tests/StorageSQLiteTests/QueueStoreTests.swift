import Foundation
import GRDB
import Glibc
import MessageQueue
import Synchronization
import Testing

@testable import StorageSQLite

/// A folder that goes with the test.
final class Folder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var segments: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path + "/segments")) ?? []).filter {
            $0.hasSuffix(".segment")
        }.sorted()
    }
}

func message(_ number: Int64, _ octets: Int = 0, upstream: String = "default", next: Int64 = 0) -> QueuedMessage {
    var new = NewMessage(
        arrival: next, upstream: upstream, reversePath: "s@x.test", recipients: ["a@y.test", "b@y.test"], octets: octets
    )
    new.decision = [1, 2, 3]
    new.note = [0, 255]
    return QueuedMessage(new, id: QueueID(rawValue: number), expires: 1_000)
}

func body(_ number: Int, _ count: Int = 3_000) -> [UInt8] {
    // It repeats itself each 256 octets, so that a large one is made of copies.
    var octets = (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
    while octets.count < count { octets += octets }
    return Array(octets.prefix(count))
}

@Test(arguments: [
    ("", UInt64(0xEF46_DB37_51D8_E999)), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
    ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
])
func checksumsAreThoseOfXXH64(_ text: String, _ sum: UInt64) {
    #expect(XXH64.checksum(Array(text.utf8)) == sum)
    var pieces = XXH64()
    for byte in text.utf8 { pieces.update([byte]) }
    #expect(pieces.finish() == sum)
}

@Test func whatIsCommittedSurvivesAndWhatIsRemovedIsGone() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    #expect(try await store.open() == QueueRecovery())
    var all: [QueuedMessage] = []
    for number in 0..<20 { all.append(try await store.commit(message(Int64(number)), .memory(body(number)))) }
    store.remove(QueueID(rawValue: 3))
    var changed = all[4]
    changed.nextAttempt = 500
    changed.recipients[0].state = .delivered
    changed.recipients[0].lastReply = "250 ok"
    changed.attempts = 2
    store.update(changed)
    // Deleted by somebody else: an update must not bring it back.
    store.update(message(99))
    await store.close()

    let again = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    let recovery = try await again.open()
    #expect(recovery.messages == 19 && recovery.youngest == QueueID(rawValue: 19))
    let found = try await again.due("default", before: 400, beyond: 1 << 50, limit: 100)
    #expect(found.count == 18)
    for message in found { #expect(try await again.content(of: message) == body(Int(message.id.rawValue))) }
    let later = try #require(try await again.due("default", before: 500, beyond: 1 << 50, limit: 100).last)
    #expect(
        later.recipients == changed.recipients && later.attempts == 2 && later.note == [0, 255]
            && later.decision == [1, 2, 3])
    #expect(try await again.nextDue(["default"], after: 0) == 500)
    for message in found { again.remove(message.id) }
    again.remove(later.id)
    await again.close()
    let empty = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    #expect(try await empty.open().messages == 0)
    #expect(folder.segments.isEmpty)
    await empty.close()
}

@Test func aSecondServiceIsTurnedAway() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    await #expect(throws: QueueError.locked(path: folder.path)) {
        try await SQLiteQueueStore(directory: folder.path, messageOctets: 1_000).open()
    }
    await store.close()
}

@Test func damageIsFoundAndTornTailsDoNotMatter() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    let kept = try await store.commit(message(1), .memory(body(1)))
    let broken = try await store.commit(message(2), .memory(body(2)))
    let path = try #require(folder.segments.first.map { folder.path + "/segments/" + $0 })
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    try handle.seek(toOffset: UInt64(try #require(store.place(of: broken)).offset) + 10)
    try handle.write(contentsOf: Data([0xEE]))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(repeating: 7, count: 100))
    try handle.close()
    #expect(try await store.content(of: kept) == body(1))
    await #expect(throws: QueueError.damaged(broken.id)) { try await store.content(of: broken) }
    await store.close()
}

@Test(arguments: [EIO, ENOSPC])
func aFailedSyncIsNeverTakenForGood(_ code: Int32) async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system)
    _ = try await store.open()
    _ = try await store.commit(message(1), .memory(body(1)))
    system.state.withLock { $0.failsSync = code }
    await #expect(throws: QueueError.self) { try await store.commit(message(2), .memory(body(2))) }
    system.state.withLock {
        $0.failsSync = nil
        $0.failsWrite = code
    }
    await #expect(throws: QueueError.self) { try await store.commit(message(3), .memory(body(3))) }
    system.state.withLock { $0.failsWrite = nil }
    // It recovers by itself, in a new segment.
    let healed = try await store.commit(message(4), .memory(body(4)))
    #expect(try await store.content(of: healed) == body(4))
    #expect(try await store.due("default", before: 1, beyond: 1 << 50, limit: 10).map(\.id.rawValue) == [1, 4])
    await store.close()
}

@Test func aFullDiskIsNamedBeforeAnythingIsWritten() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    system.state.withLock { $0.free = (octets: 10 << 20, total: 1 << 30, inodes: 1 << 20) }
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system)
    _ = try await store.open()
    await #expect(throws: QueueError.diskFull(path: folder.path, free: 10 << 20, needed: (1 << 30) / 20)) {
        try await store.commit(message(1), .memory(body(1)))
    }
    #expect(throws: QueueError.self) { try store.makeSpill() }
    await store.close()
}

@Test func largeContentsGoThroughAFileOfTheirOwn() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    let spill = try store.makeSpill()
    for part in 0..<5 { try await spill.append(body(part, 100_001)) }
    let stored = try await store.commit(message(1), .spilled(spill))
    #expect(try await store.content(of: stored) == (0..<5).flatMap { body($0, 100_001) })
    let dropped = try store.makeSpill()
    try await dropped.append([1])
    dropped.discard()
    store.remove(stored.id)
    await store.close()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/segments").isEmpty)
}

@Test func manyCommitsShareOneSync() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system)
    _ = try await store.open()
    try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<400 {
            group.addTask { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
        }
        try await group.waitForAll()
    }
    #expect(system.state.withLock { $0.syncs } < 300)
    #expect(try await store.due("default", before: 1, beyond: 1 << 50, limit: 1_000).count == 400)
    await store.close()
}

@Test func sparseSegmentsAreCompacted() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: FaultySystem(), sealOctets: (4 << 20) + 1)
    _ = try await store.open()
    var kept: [QueuedMessage] = []
    for number in 0..<11 {
        let stored = try await store.commit(message(Int64(number)), .memory(body(number, 1 << 20)))
        if number % 10 == 0 { kept.append(stored) } else { store.remove(stored.id) }
    }
    // Each call lets the writer make one round.
    for _ in 0..<5 { _ = try await store.wasChangedByOthers() }
    #expect(folder.segments.count == 1)
    for message in kept { #expect(try await store.content(of: message) == body(Int(message.id.rawValue), 1 << 20)) }
    await store.close()
}

/// As often as something becomes due, on the thread that takes mail: a step into the index, whatever waits.
@Test func whatIsDueNextIsFoundByTheIndex() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    for (number, next) in [(1, 900), (2, 300), (3, 100)] {
        let stored = message(Int64(number), upstream: number == 2 ? "other" : "default", next: Int64(next))
        _ = try await store.commit(stored, .memory(body(number)))
    }
    #expect(try await store.nextDue(["default"], after: 100) == 900)
    #expect(try await store.nextDue(["default", "other"], after: 100) == 300)
    #expect(try await store.nextDue(["other"], after: 300) == nil)
    let plan = try await DatabaseQueue(path: folder.path + "/queue.sqlite").read { database in
        try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + QueueWriter.nextDue, arguments: ["default", 1]).map {
            String.fromDatabaseValue($0["detail"]) ?? ""
        }
    }
    #expect(plan.count == 1 && plan[0].hasSuffix("INDEX due (upstream=? AND next>?)"), "\(plan)")
    await store.close()
}

/// Written under a clock that ran ahead: due, since nothing waits longer than the schedule.
@Test func whatIsDueBeyondTheScheduleIsDue() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    for (number, next) in [(1, 50), (2, 5_000), (3, 200), (4, 101)] {
        _ = try await store.commit(message(Int64(number), next: Int64(next)), .memory(body(number)))
    }
    #expect(try await store.due("default", before: 100, beyond: 200, limit: 10).map(\.id.rawValue) == [1, 2])
    await store.close()
}

@Test func anotherProcessIsNoticed() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    let queue = MessageQueue(
        store: store, upstreams: ["default"], schedule: RetrySchedule(waits: [10], lifetime: 1_000), now: { 100 },
        uptime: { 0 })
    _ = try await queue.start()
    for _ in 0..<5 {
        let new = NewMessage(arrival: 0, upstream: "default", reversePath: "", recipients: ["a@b.test"], octets: 1)
        try await queue.submit(new, id: await queue.makeID(), content: .memory([1]))
    }
    let first = try #require(await queue.next("default"))
    let inspector = try QueueInspector(directory: folder.path)
    let all = try inspector.list()
    #expect(all.count == 5 && all.first?.id == first.message.id)
    #expect(try inspector.delete([all[1].id]) == 1)
    #expect(try inspector.hold([all[2].id], true) == 1)
    await queue.tick()
    var rest: [QueueID] = []
    for _ in 0..<2 { rest.append(try #require(await queue.next("default")).message.id) }
    #expect(rest == [all[3].id, all[4].id])
    #expect(try inspector.hold([all[2].id], false) == 1)
    await queue.tick()
    #expect(await queue.next("default")?.message.id == all[2].id)
    await queue.stop()
    #expect(await queue.next("default")?.message == nil)
    await queue.close()
}
