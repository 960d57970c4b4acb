import Foundation
import GRDB
import MessageQueue
import Synchronization
import Testing

@testable import StorageSQLite

private func open(_ folder: Folder, _ system: FaultySystem, _ reports: Reports = Reports()) -> SQLiteQueueStore {
    SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: system, erasePause: .zero, report: { reports.add($0) })
}

private func mail(_ number: Int) -> (message: QueuedMessage, text: [UInt8]) {
    let new = NewMessage(
        arrival: 0, upstream: "default", reversePath: "s@x.test", recipients: ["person\(number)@y.test"], octets: 0)
    let text = String(repeating: "a letter to person \(number).\r\n", count: 200)
    return (QueuedMessage(new, id: QueueID(rawValue: Int64(number)), expires: 1_000), Array(text.utf8))
}

private struct Known: Equatable {
    var address = false
    var text = false
}

/// Whether some file of the data directory names this person, by address or in a text.
private func isKnown(_ number: Int, _ folder: Folder) throws -> Known {
    var known = Known()
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
    for name in names {
        guard let octets = FileManager.default.contents(atPath: folder.path + "/" + name) else { continue }
        known.address = known.address || octets.range(of: Data("person\(number)@y.test".utf8)) != nil
        known.text = known.text || octets.range(of: Data("a letter to person \(number).".utf8)) != nil
    }
    return known
}

/// Commits mails 1…6, and lets 2, 3 and 5 leave.
private func makeHoles(_ store: SQLiteQueueStore) async throws -> [QueuedMessage] {
    var stored: [QueuedMessage] = []
    for number in 1...6 { stored.append(try await store.commit(mail(number).message, .memory(mail(number).text))) }
    for number in [2, 3, 5] { store.remove(QueueID(rawValue: Int64(number))) }
    // Each call lets the writer make a round.
    _ = try await store.wasChangedByOthers()
    _ = try await store.wasChangedByOthers()
    return stored.filter { ![2, 3, 5].contains($0.id.rawValue) }
}

@Test func mailThatHasLeftTheQueueLeavesTheDisk() async throws {
    let folder = try Folder()
    let store = open(folder, FaultySystem())
    _ = try await store.open()
    let left = try await makeHoles(store)
    #expect(folder.segments.count == 1)
    for number in 1...6 {
        let isThere = ![2, 3, 5].contains(number)
        let known = try isKnown(number, folder)
        #expect(known.text == isThere && known.address == isThere, "\(number): \(known)")
    }
    for message in left { #expect(try await store.content(of: message) == mail(Int(message.id.rawValue)).text) }
    // What another process deletes, too; and what is appended behind all this stands.
    let inspector = try QueueInspector(directory: folder.path)
    #expect(try inspector.delete([left[0].id]) == 1)
    let last = try await store.commit(mail(7).message, .memory(mail(7).text))
    for _ in 0..<3 { _ = try await store.wasChangedByOthers() }
    #expect(try isKnown(1, folder) == Known())
    #expect(try await store.content(of: last) == mail(7).text)
    // It has left; that is no damage.
    await #expect(throws: QueueError.unreadable(left[0].id, "it has left the queue")) {
        try await store.content(of: left[0])
    }
    #expect(throws: QueueError.unreadable(left[0].id, "it has left the queue")) {
        try inspector.content(of: left[0].id)
    }
    await store.close()
    let again = open(folder, FaultySystem())
    #expect(try await again.open().messages == 3)
    for message in left.dropFirst() + [last] {
        #expect(try await again.content(of: message) == mail(Int(message.id.rawValue)).text)
    }
    await again.close()
}

/// An end without a round, or a disk that does not do it, leaves text behind; the next start makes up for it.
@Test func whatCouldNotBeErasedIsToldAndErasedLater() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    system.state.withLock { $0.failsErase = true }
    let reports = Reports()
    var store = open(folder, system, reports)
    _ = try await store.open()
    let left = try await makeHoles(store)
    #expect(try isKnown(2, folder).text)
    #expect(reports.all.count == 1 && reports.all[0].contains("could not be erased, it is tried again"))
    await store.close()
    #expect(try isKnown(2, folder).text)
    store = open(folder, FaultySystem())
    _ = try await store.open()
    _ = try await store.wasChangedByOthers()
    #expect(try isKnown(2, folder) == Known())
    for message in left { #expect(try await store.content(of: message) == mail(Int(message.id.rawValue)).text) }
    await store.close()
}

/// As long as a deletion is not on disk, a crash would bring the mail back: its text must be there then.
@Test func nothingIsErasedInFrontOfItsDeletion() async throws {
    let folder = try Folder()
    let store = open(folder, FaultySystem())
    _ = try await store.open()
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").write {
        try $0.execute(
            sql: "CREATE TRIGGER no_delete BEFORE DELETE ON message BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
    }
    _ = try await makeHoles(store)
    #expect(store.unwritten == 3)
    for number in 1...6 { #expect(try isKnown(number, folder).text) }
    await store.close()
}

/// A segment whose rows cannot be believed is left as it is, for whoever looks at it.
@Test(arguments: ["start = start + 1", "start = 'x'", "octets = -1", "start = 9223372036854775807", "damaged = 1"])
func damagedRowsEraseNothing(_ damage: String) async throws {
    let folder = try Folder()
    let store = open(folder, FaultySystem())
    _ = try await store.open()
    for number in 1...6 { _ = try await store.commit(mail(number).message, .memory(mail(number).text)) }
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").write {
        try $0.execute(sql: "UPDATE message SET \(damage) WHERE id = 4")
    }
    for number in [1, 2] { store.remove(QueueID(rawValue: Int64(number))) }
    for _ in 0..<3 { _ = try await store.wasChangedByOthers() }
    for number in 1...6 { #expect(try isKnown(number, folder).text, "\(number)") }
    await store.close()
}

@Test func holesStandBetweenContents() {
    func holes(_ places: [(start: Int64, count: Int64)]) -> [[Int64]]? {
        QueueErasure.holes(1, between: places, end: 100)?.map { [$0.offset, $0.count] }
    }
    #expect(holes([]) == [[0, 100]])
    #expect(holes([(0, 100)]) == [])
    #expect(holes([(10, 20), (30, 0), (30, 5), (90, 10)]) == [[0, 10], [35, 55]])
    #expect(holes([(10, 20), (29, 5)]) == nil)
    #expect(holes([(-1, 5)]) == nil)
    #expect(holes([(90, 11)]) == nil)
    #expect(holes([(5, .max)]) == nil)
}
