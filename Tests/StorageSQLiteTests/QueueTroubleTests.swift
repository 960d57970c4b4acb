import Foundation
import GRDB
import MessageQueue
import Synchronization
import TestSupport
import Testing

@testable import StorageSQLite

/// Sentences that were reported.
final class Reports: Sendable {
    let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
}

private func open(_ folder: Folder, _ reports: Reports = Reports()) -> SQLiteQueueStore {
    SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: OperatingSystem(), report: { reports.add($0) })
}

private func due(_ store: SQLiteQueueStore) async throws -> [Int64] {
    try await store.due("default", before: 1, beyond: 1 << 60, limit: 100).map(\.id.rawValue)
}

@discardableResult
private func change(_ folder: Folder, _ sql: String) throws -> Int {
    try DatabaseQueue(path: folder.path + "/queue.sqlite").write { database in
        try database.execute(sql: sql)
        return database.changesCount
    }
}

// MARK: Outcomes that cannot be written

@Test func outcomesThatCannotBeWrittenAreKeptAndWrittenLater() async throws {
    let folder = try Folder()
    let reports = Reports()
    let store = open(folder, reports)
    _ = try await store.open()
    for number in 1...5 { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
    try change(
        folder,
        """
        CREATE TRIGGER no_delete BEFORE DELETE ON message BEGIN SELECT RAISE(FAIL, 'the disk is full'); END;
        CREATE TRIGGER no_update BEFORE UPDATE ON message WHEN OLD.id = 2 BEGIN SELECT RAISE(FAIL, 'and broken'); END;
        """)
    store.remove(QueueID(rawValue: 1))
    var later = message(2, next: 777)
    later.attempts = 1
    store.update(later)
    // What was reached is known, though not on disk: neither is offered, and mail is taken as ever.
    #expect(try await due(store) == [3, 4, 5])
    #expect(store.unwritten == 2)
    _ = try await store.commit(message(6), .memory(body(6)))
    // A newer outcome takes the place of the older one.
    store.remove(QueueID(rawValue: 2))
    #expect(try await due(store) == [3, 4, 5, 6])
    #expect(store.unwritten == 2 && reports.all.count == 1)
    #expect(reports.all.first?.contains("is kept in memory and tried again each second") == true)
    try change(folder, "DROP TRIGGER no_delete; DROP TRIGGER no_update")
    // By itself: nobody comes with a group.
    #expect(try await eventually { store.unwritten == 0 && reports.all.count == 2 })
    await store.close()
    let again = open(folder)
    #expect(try await again.open().messages == 4)
    #expect(try await due(again) == [3, 4, 5, 6])
    await again.close()
}

/// Another process has the database: what is not written yet is owed from the moment it is known, so that delivery stops
/// long before the wait ends in an error.
@Test func outcomesAreOwedUntilTheyAreOnDisk() async throws {
    let folder = try Folder()
    let store = open(folder)
    _ = try await store.open()
    for number in 1...3 { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
    #expect(store.owed == 0)
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    let other = try DatabaseQueue(path: folder.path + "/queue.sqlite", configuration: configuration)
    try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
    for number in 1...3 { store.remove(QueueID(rawValue: Int64(number))) }
    #expect(store.owed == 3 && store.unwritten == 0)
    try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
    // True before anybody is answered.
    #expect(try await due(store).isEmpty)
    #expect(store.owed == 0)
    await store.close()
}

@Test func whatIsOwedAtTheEndIsTold() async throws {
    let folder = try Folder()
    let reports = Reports()
    let store = open(folder, reports)
    _ = try await store.open()
    _ = try await store.commit(message(1), .memory(body(1)))
    try change(
        folder, "CREATE TRIGGER no_delete BEFORE DELETE ON message BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
    store.remove(QueueID(rawValue: 1))
    await store.close()
    #expect(reports.all.last?.contains("stopping, but what became of 1 mails") == true)
    #expect(reports.all.last?.contains(QueueID(rawValue: 1).description) == true)
}

// MARK: Contents

@Test func aPassingReadErrorIsNoVerdict() async throws {
    let folder = try Folder()
    var store = open(folder)
    _ = try await store.open()
    let stored = try await store.commit(message(1), .memory(body(1)))
    let path = SegmentFiles.path(folder.path + "/segments", try #require(store.place(of: stored)).segment)
    await store.close()
    store = open(folder)
    let queue = MessageQueue(
        store: store, upstreams: ["default"], schedule: RetrySchedule(waits: [10], lifetime: 1_000), now: { 100 },
        uptime: { 0 })
    _ = try await queue.start()
    // A link to itself stands for a process without descriptors: opening fails, and the file is not what is wrong.
    try FileManager.default.moveItem(atPath: path, toPath: folder.path + "/elsewhere")
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
    let lease = try #require(await queue.next("default"))
    do {
        _ = try await queue.content(of: lease)
        Issue.record("a link to itself was read")
    } catch QueueError.unreadable(let id, _) {
        #expect(id == stored.id)
    }
    #expect(await queue.settle(lease, [:]).nextAttempt != nil)
    let inspector = try QueueInspector(directory: folder.path)
    #expect(try inspector.message(stored.id)?.isDamaged == false)
    #expect(throws: QueueError.self) { try inspector.content(of: stored.id) }
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: folder.path + "/elsewhere", toPath: path)
    #expect(try await store.content(of: stored) == body(1))
    await queue.stop()
    await queue.close()
}

@Test func aMissingSegmentIsDamageThatRetryTakesBack() async throws {
    let folder = try Folder()
    var store = open(folder)
    _ = try await store.open()
    let stored = try await store.commit(message(1), .memory(body(1)))
    await store.close()
    let path = SegmentFiles.path(folder.path + "/segments", try #require(store.place(of: stored)).segment)
    try FileManager.default.moveItem(atPath: path, toPath: folder.path + "/elsewhere")
    let reports = Reports()
    store = open(folder, reports)
    let queue = MessageQueue(
        store: store, upstreams: ["default"], schedule: RetrySchedule(waits: [10], lifetime: 1_000), now: { 100 },
        uptime: { 0 })
    #expect(try await queue.start().messages == 1)
    let lease = try #require(await queue.next("default"))
    await #expect(throws: QueueError.damaged(stored.id)) { try await queue.content(of: lease) }
    #expect(try await due(store).isEmpty)
    #expect(reports.all.count == 1)
    let inspector = try QueueInspector(directory: folder.path)
    #expect(try inspector.list().map(\.isDamaged) == [true] && inspector.census().damaged == 1)
    var result = try inspector.retry([stored.id], now: 0, lifetime: 1_000)
    #expect(result.due == 0 && result.damaged.first?.reason.contains("is missing") == true)
    try FileManager.default.moveItem(atPath: folder.path + "/elsewhere", toPath: path)
    result = try inspector.retry(nil, now: 0, lifetime: 1_000)
    #expect(result.due == 1 && result.damaged.isEmpty)
    #expect(try await due(store) == [1])
    #expect(try await store.content(of: stored) == body(1))
    await queue.stop()
    await queue.close()
}

// MARK: Rows

/// One row of two is not what was written: nothing traps, it is kept and told, and the other goes.
@Test(arguments: [
    "recipients = CAST(replace(CAST(recipients AS TEXT), 'b@y', 'c@y') AS BLOB)",
    "recipients = CAST(replace(CAST(recipients AS TEXT), char(31), 'x') AS BLOB)", "recipients = x''",
    "recipients = 7", "octets = 9000000000000000000", "octets = 'many'", "octets = octets + 1", "sender = 'o@x.test'",
    "sender = x'ff'", "next = 'soon'", "attempts = 'some'", "attempts = 9000000000000000000", "expires = 'never'",
    "expires = expires + 1", "flags = 'x'", "checksum = 1", "segment = 'one'", "segment = 77",
    "start = 9223372036854775807", "start = -1", "start = 'here'", "decision = x'00'", "note = 'text'",
    "arrival = x'01'", "failed = 1", "failed = 'x'", "held = 'x'", "damaged = 'x'", "seal = 5", "id = -3",
    "upstream = 'defauly'", "upstream = 9",
])
func rowsAreInputToo(_ damage: String) async throws {
    let folder = try Folder()
    var store = open(folder)
    _ = try await store.open()
    let whole = try await store.commit(message(1), .memory(body(1)))
    _ = try await store.commit(message(2), .memory(body(2)))
    await store.close()
    try change(folder, "UPDATE message SET \(damage) WHERE id = 2")
    store = open(folder)
    let queue = MessageQueue(
        store: store, upstreams: ["default"], schedule: RetrySchedule(waits: [10], lifetime: 1_000), now: { 900 },
        uptime: { 0 })
    #expect(try await queue.start().messages == 2)
    var offered: [QueuedMessage] = []
    for message in try await store.due("default", before: 1, beyond: 1 << 60, limit: 10) {
        if let content = try? await store.content(of: message), content == body(Int(message.id.rawValue)) {
            offered.append(message)
        }
    }
    let isOfTheSchedule = damage.hasPrefix("attempts")
    #expect(offered.map(\.id.rawValue) == (isOfTheSchedule ? [1, 2] : [1]))
    #expect(offered.allSatisfy { $0.recipients == whole.recipients && $0.reversePath == whole.reversePath })
    let inspector = try QueueInspector(directory: folder.path)
    let listed = try inspector.list()
    #expect(listed.count == 2)
    let odd = try #require(listed.first { $0.id.rawValue != 1 })
    #expect(
        isOfTheSchedule || odd.isDamaged || odd.isHeld
            || ["segment = 77", "start = 9223372036854775807"].contains(damage))
    _ = try inspector.message(odd.id)
    _ = try? inspector.content(of: odd.id)
    _ = try inspector.damage(odd)
    _ = try inspector.retry([odd.id], now: 0, lifetime: 1_000)
    _ = try inspector.hold([odd.id], true)
    #expect(try inspector.census().messages == 2)
    #expect(try inspector.delete([odd.id]) == 1)
    await queue.stop()
    await queue.close()
}

@Test func failedMailSurvivesAndGoesToThoseWhoDidNotGetIt() async throws {
    let folder = try Folder()
    var store = open(folder)
    _ = try await store.open()
    var kept = try await store.commit(message(1), .memory(body(1)))
    kept.recipients[0].state = .delivered
    kept.recipients[1].state = .failed
    kept.recipients[1].lastReply = "550 unknown"
    kept.attempts = 3
    store.update(kept)
    await store.close()
    store = open(folder)
    let recovery = try await store.open()
    #expect(recovery.messages == 1 && recovery.failed == 1)
    #expect(try await due(store).isEmpty)
    #expect(try await store.nextDue(["default"], after: -1) == nil)
    let inspector = try QueueInspector(directory: folder.path)
    #expect(try inspector.list().map(\.isFailed) == [true] && inspector.census().failed == 1)
    #expect(try inspector.retry(nil, now: 5_000, lifetime: 700).due == 1)
    let revived = try #require(try await store.due("default", before: 1, beyond: 1 << 60, limit: 10).first)
    #expect(revived.waiting.map(\.address) == ["b@y.test"] && revived.expires == 5_700 && revived.attempts == 0)
    #expect(try await store.content(of: revived) == body(1))
    await store.close()
}
