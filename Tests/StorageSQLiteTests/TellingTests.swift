import Foundation
import GRDB
import MessageQueue
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

private func id(_ number: UInt8) throws -> TrackingMessageID {
    try #require(TrackingMessageID(bytes: [UInt8](repeating: number, count: 10)))
}

private func accepted(_ number: UInt8) throws -> Event {
    .message(
        MessageRecord(
            message: try id(number), time: 1, queueID: "Q\(number)", tag: "news", fromDomain: "x.test",
            recipients: ["a@b.test"], untracked: "", privacy: .full, subject: "Hello \(number)"))
}

private func delivered(_ number: UInt8) throws -> Event {
    .delivery(
        DeliveryRecord(
            message: try id(number), time: 6, recipient: 0, status: "sent", upstream: "default", reply: "250 ok",
            passedThrough: "", isTracked: true, links: ["tracked": 2]))
}

/// A queue's store and the log of events that it tells.
private final class Run: Sendable {
    let store: SQLiteQueueStore
    let log: SQLiteEventLog

    /// - Parameter acknowledges: whether the store hears what the log has for good.
    init(_ folder: Folder, acknowledges: Bool = true) async throws {
        let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
        _ = try await store.open()
        var options = SQLiteEventLog.Options()
        if acknowledges { options.acknowledge = { store.told(upTo: $0) } }
        let log = SQLiteEventLog(directory: folder.path, options: options) { _ in }
        try await store.tell { notices in log.take(notices.map { ($0.number, $0.record) }) }
        (self.store, self.log) = (store, log)
    }

    func close() async {
        await log.flush()
        await store.close()
        log.close()
    }
}

private func rows(_ folder: Folder) throws -> Int {
    try DatabaseQueue(path: folder.path + "/queue.sqlite").read {
        try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM telling") ?? 0
    }
}

/// Each mail was accepted, with its subject, and delivered, once.
private func expectOnce(_ folder: Folder, _ numbers: ClosedRange<UInt8>) async throws {
    let reader = EventReader(directory: folder.path)
    for number in numbers {
        #expect(try await reader.mail("Q\(number)")?.mail.subject == "Hello \(number)")
    }
    #expect(try await reader.events(EventFilter()).map(\.result) == numbers.map { _ in "sent" })
    let figures = try #require(try await reader.daily(from: 0, to: 99_999_999)["news"])
    #expect(figures[.accepted] == Int64(numbers.count) && figures[.sent] == Int64(numbers.count))
}

/// The process ended between the commit and the journal.
@Test(.timeLimit(.minutes(10))) func whatNeverReachedTheJournalIsToldAtTheNextStart() async throws {
    let folder = try Folder()
    let records = EventRecords()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    for number in UInt8(1)...3 {
        let mail = message(Int64(number))
        try await store.commit(mail, body(1), telling: [records.record(try accepted(number))])
        store.remove(mail.id, telling: [records.record(try delivered(number))])
    }
    await store.close()
    let run = try await Run(folder)
    await run.close()
    try await expectOnce(folder, 1...3)
    #expect(try rows(folder) == 0)
}

/// The process ended between the journal and the acknowledgement.
@Test(.timeLimit(.minutes(10))) func whatIsToldTwiceIsCountedOnce() async throws {
    let folder = try Folder()
    let records = EventRecords()
    let first = try await Run(folder, acknowledges: false)
    for number in UInt8(1)...3 {
        let mail = message(Int64(number))
        try await first.store.commit(mail, body(1), telling: [records.record(try accepted(number))])
        first.store.remove(mail.id, telling: [records.record(try delivered(number))])
    }
    _ = try await first.store.census()
    await first.close()
    #expect(try rows(folder) > 0)
    let second = try await Run(folder)
    await second.close()
    try await expectOnce(folder, 1...3)
    #expect(try rows(folder) == 0)
}

/// Its journal cannot be opened: a folder has its name.
@Test(.timeLimit(.minutes(10))) func whatCannotBeJournalledIsNotAcknowledged() async throws {
    let folder = try Folder()
    let records = EventRecords()
    let journal = folder.path + "/events.journal"
    try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: true)
    let first = try await Run(folder)
    try await first.store.commit(message(1), body(1), telling: [records.record(try accepted(1))])
    first.store.remove(message(1).id, telling: [records.record(try delivered(1))])
    _ = try await first.store.census()
    await first.close()
    #expect(try rows(folder) > 0)
    #expect(first.log.dropped == 0)
    try FileManager.default.removeItem(atPath: journal)
    let second = try await Run(folder)
    await second.close()
    try await expectOnce(folder, 1...1)
}

@Test func packedRecordsAreReadBackAndNothingElseIs() {
    for records in [[], [[]], [[1]], [[1, 2, 3], [], [UInt8](repeating: 7, count: 70_000)]] as [[[UInt8]]] {
        #expect(QueueOutbox.unpack(QueueOutbox.pack(records)) == records)
    }
    for bytes in [[1], [1, 0, 0], [1, 0, 0, 0], [2, 0, 0, 0, 9], [255, 255, 255, 255, 1]] as [[UInt8]] {
        #expect(QueueOutbox.unpack(bytes) == nil)
    }
}

@Test(.timeLimit(.minutes(10))) func aRowThatCannotBeReadBackIsLeftOutAndSaid() async throws {
    let folder = try Folder()
    let reports = Reports()
    let told = Mutex<[[UInt8]]>([])
    var store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    _ = try await store.open()
    for number in 1...3 { try await store.commit(message(Int64(number)), body(1), telling: [[UInt8(number)]]) }
    await store.close()
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").write {
        try $0.execute(sql: "UPDATE telling SET records = x'0102' WHERE number = 2")
    }
    store = SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: OperatingSystem(), report: { reports.add($0) })
    _ = try await store.open()
    try await store.tell { notices in
        told.withLock { $0 += notices.map(\.record) }
        return notices.count
    }
    #expect(told.withLock { $0 } == [[1], [3]])
    #expect(reports.all.count == 1 && reports.all[0].contains("row 2 of `telling`"))
    await store.close()
}
