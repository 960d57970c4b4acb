import Foundation
import GRDB
import MessageQueue
import Testing

@testable import StorageSQLite

private func open(_ folder: Folder) -> SQLiteQueueStore {
    SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: OperatingSystem())
}

/// A folder with a queue of some mails, its service ended.
private func queued(_ count: Int) async throws -> Folder {
    let folder = try Folder()
    let store = open(folder)
    _ = try await store.open()
    for number in 1...count { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
    await store.close()
    return folder
}

private func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
}

@Test(arguments: ["missing", "empty", "without tables"])
func aStartWithoutItsRowsTouchesNothing(_ how: String) async throws {
    let folder = try await queued(3)
    let path = folder.path + "/queue.sqlite"
    for name in try names(folder.path) where name.hasPrefix("queue.sqlite") {
        try FileManager.default.removeItem(atPath: folder.path + "/" + name)
    }
    if how == "empty" { try Data().write(to: URL(fileURLWithPath: path)) }
    if how == "without tables" {
        try await DatabaseQueue(path: path).write { try $0.execute(sql: "PRAGMA user_version = 0; CREATE TABLE x (y)") }
    }
    let before = try names(folder.path + "/segments")
    #expect(before.count == 1)
    for _ in 0..<2 {
        await #expect(
            throws: QueueError.rowsMissing(database: path, segments: folder.path + "/segments", count: before.count)
        ) { try await open(folder).open() }
    }
    #expect(try names(folder.path + "/segments") == before)
    if how == "missing" { #expect(!FileManager.default.fileExists(atPath: path)) }
    // As the sentence says.
    try FileManager.default.moveItem(atPath: folder.path + "/segments", toPath: folder.path + "/kept")
    let store = open(folder)
    #expect(try await store.open().messages == 0)
    await store.close()
}

@Test func onlyWhatIsProvablyNobodysGoes() async throws {
    let folder = try await queued(2)
    let segments = folder.path + "/segments/"
    let first = try #require(folder.segments.first)
    func make(_ name: String, _ octets: Int) throws {
        try Data(repeating: 7, count: octets).write(to: URL(fileURLWithPath: segments + name))
    }
    // All of 50 was accounted for and has left; of 51 more is there than any row ever told of; 52 is unknown.
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").write {
        try $0.execute(sql: "INSERT INTO segment (number, octets) VALUES (50, 100), (51, 99)")
    }
    for name in ["50.segment", "51.segment", "52.segment"] { try make(name, 100) }
    try make("77-1.spill", 5)
    for name in ["notes.txt", "x.segment", "007.segment", "1.segment.bak", "a-b.spill"] { try make(name, 3) }
    let store = open(folder)
    let recovery = try await store.open()
    #expect(recovery.messages == 2 && recovery.orphanedSegments == 1 && recovery.setAside == 2)
    #expect(
        try names(segments)
            == [
                first, "007.segment", "1.segment.bak", "a-b.spill", "notes.txt", "orphaned",
                "x.segment",
            ].sorted())
    #expect(try names(segments + "orphaned") == ["51.segment", "52.segment"])
    // Numbers are not given twice.
    let stored = try await store.commit(message(9), .memory(body(9)))
    #expect(try #require(store.place(of: stored)).segment > 52)
    await store.close()
    let again = open(folder)
    #expect(try await again.open().setAside == 2)
    await again.close()
}

/// Rows that a lost -wal file held are not there, but their contents are: nothing is thrown away.
@Test func contentsOfRowsThatTheDatabaseLostAreSetAside() async throws {
    let folder = try await queued(1)
    let path = folder.path + "/queue.sqlite"
    let old = try Data(contentsOf: URL(fileURLWithPath: path))
    let store = open(folder)
    _ = try await store.open()
    let lost = try await store.commit(message(5), .memory(body(5)))
    await store.close()
    for name in try names(folder.path) where name.hasPrefix("queue.sqlite") {
        try FileManager.default.removeItem(atPath: folder.path + "/" + name)
    }
    try old.write(to: URL(fileURLWithPath: path))
    let again = open(folder)
    let recovery = try await again.open()
    #expect(recovery.messages == 1 && recovery.setAside == 1)
    let aside = SegmentFiles.path(folder.path + "/segments/orphaned", try #require(store.place(of: lost)).segment)
    #expect(try Data(contentsOf: URL(fileURLWithPath: aside)) == Data(body(5)))
    await again.close()
}

/// A database that was put back from a backup, beside the mail of today: what it does not know of a segment in use was
/// acknowledged, and would be erased with the first mail that leaves.
@Test func anOlderDatabaseCostsNoMailOfASegmentInUse() async throws {
    let folder = try Folder()
    let path = folder.path + "/queue.sqlite"
    let store = open(folder)
    _ = try await store.open()
    for number in 1...2 { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
    let backup = try DatabaseQueue(path: folder.path + "/backup")
    try DatabaseQueue(path: path).backup(to: backup)
    try backup.close()
    for number in 3...4 { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
    await store.close()
    for name in try names(folder.path) where name.hasPrefix("queue.sqlite") {
        try FileManager.default.removeItem(atPath: folder.path + "/" + name)
    }
    try FileManager.default.moveItem(atPath: folder.path + "/backup", toPath: path)

    let again = open(folder)
    let recovery = try await again.open()
    #expect(recovery.messages == 2 && recovery.isOlderThanMail && recovery.setAside == 1)
    for number in 1...2 { again.remove(QueueID(rawValue: Int64(number))) }
    await again.close()
    let aside = try names(folder.path + "/segments/orphaned")
    #expect(aside.count == 1)
    let kept = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/segments/orphaned/" + (aside.first ?? "")))
    #expect(kept == Data(body(3) + body(4)))
    // Told once; what was set aside is there until somebody takes it away.
    let later = open(folder)
    let second = try await later.open()
    #expect(second.messages == 0 && !second.isOlderThanMail && second.setAside == 1)
    await later.close()
}

/// Content behind the last row of a segment: of a group that a crash cut short nobody was told anything.
@Test(arguments: [true, false]) func theEndOfAGroupThatWasCutShort(_ hasMark: Bool) async throws {
    let folder = try await queued(1)
    let segment = folder.path + "/segments/" + (try #require(folder.segments.first))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: segment))
    try file.seekToEnd()
    try file.write(contentsOf: Data("half a group".utf8))
    try file.close()
    // Without the mark nobody can say that it was one.
    if !hasMark { try FileManager.default.removeItem(atPath: folder.path + "/segments.mark") }
    for _ in 0..<2 {
        let store = open(folder)
        let recovery = try await store.open()
        #expect(recovery.messages == 1 && !recovery.isOlderThanMail && recovery.setAside == (hasMark ? 0 : 1))
        await store.close()
    }
}

@Test func aDamagedIndexIsMadeAnew() async throws {
    let folder = try await queued(2)
    // The third row is in the table and not in the index by which due mail is found.
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").writeWithoutTransaction { database in
        let row = try #require(
            try Row.fetchOne(
                database, sql: "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master WHERE name = 'due'"))
        try database.execute(sql: "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'due'")
        try database.execute(sql: "PRAGMA schema_version = 1000")
        try database.execute(
            sql: """
                INSERT INTO message (\(QueueRows.columns))
                SELECT 3, arrival, upstream, next, expires, attempts, held, damaged, sender, flags, segment, start, octets,
                checksum, recipients, decision, note, failed, NULL FROM message WHERE id = 1
                """)
        try database.execute(
            sql: "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES (?,?,?,?,?)",
            arguments: StatementArguments(row.databaseValues))
        try database.execute(sql: "PRAGMA schema_version = 1001; PRAGMA writable_schema = RESET")
    }
    let store = open(folder)
    let recovery = try await store.open()
    #expect(recovery.messages == 3 && recovery.mended.count == 1)
    #expect(try await store.due("default", before: 1, beyond: 1 << 60, limit: 9).map(\.id.rawValue) == [1, 2, 3])
    await store.close()
    let again = open(folder)
    #expect(try await again.open().mended.isEmpty)
    await again.close()
}

@Test(arguments: ["page", "header"]) func aDamagedDatabaseIsLeftAsItIs(_ what: String) async throws {
    let folder = try await queued(40)
    let path = folder.path + "/queue.sqlite"
    let root = try await DatabaseQueue(path: path).read {
        try Int.fetchOne($0, sql: "SELECT rootpage FROM sqlite_master WHERE name = 'message'") ?? 0
    }
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: what == "page" ? UInt64((root - 1) * 4_096) : 0)
    try file.write(contentsOf: Data(repeating: 0xA5, count: what == "page" ? 4_096 : 16))
    try file.close()
    let (before, segments) = (try Data(contentsOf: URL(fileURLWithPath: path)), try names(folder.path + "/segments"))
    do {
        _ = try await open(folder).open()
        Issue.record("it was opened")
    } catch QueueError.refused(let sentence) {
        #expect(sentence.contains("is damaged") && sentence.contains(".recover"))
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    #expect(try names(folder.path + "/segments") == segments)
}

/// The tables as the first release made them, with two mails in them.
@Test func aQueueOfTheFirstFormIsReadOn() async throws {
    let folder = try Folder()
    try FileManager.default.createDirectory(atPath: folder.path + "/segments", withIntermediateDirectories: false)
    let content = body(4) + body(5)
    try Data(content).write(to: URL(fileURLWithPath: folder.path + "/segments/3.segment"))
    let recipients = Data(
        "0\u{1F}delivered\u{1F}a@y.test\u{1F}250 ok\u{1E}1\u{1F}waiting\u{1F}b@y.test\u{1F}\u{1E}".utf8)
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").write { database in
        try database.execute(
            sql: """
                CREATE TABLE message (
                    id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, upstream TEXT NOT NULL, next INTEGER NOT NULL,
                    expires INTEGER NOT NULL, attempts INTEGER NOT NULL, held INTEGER NOT NULL, damaged INTEGER NOT NULL,
                    sender TEXT NOT NULL, flags INTEGER NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL,
                    octets INTEGER NOT NULL, checksum INTEGER NOT NULL, recipients BLOB NOT NULL, decision BLOB NOT NULL,
                    note BLOB NOT NULL);
                CREATE INDEX due ON message (upstream, next) WHERE held = 0 AND damaged = 0;
                CREATE INDEX place ON message (segment);
                """)
        for (number, start) in [(4, 0), (5, 3_000)] {
            try database.execute(
                sql:
                    "INSERT INTO message VALUES (?, 0, 'gone', 0, 1000, 1, 0, 0, 's@x.test', 2, 3, ?, 3000, ?, ?, x'0102', '')",
                arguments: [number, start, Int64(bitPattern: XXH64.checksum(body(number))), recipients])
        }
    }
    // The inspector comes first, as after an upgrade while the service is down.
    #expect(try QueueInspector(directory: folder.path).list().map(\.isDamaged) == [false, false])
    let store = open(folder)
    #expect(try await store.open().messages == 2)
    try await store.reassign(unless: ["default"], to: "default")
    let found = try await store.due("default", before: 1, beyond: 1 << 60, limit: 10)
    #expect(found.map(\.id.rawValue) == [4, 5])
    for message in found {
        #expect(message.waiting.map(\.address) == ["b@y.test"] && message.needsSMTPUTF8 && message.decision == [1, 2])
        #expect(try await store.content(of: message) == body(Int(message.id.rawValue)))
        store.remove(message.id)
    }
    await store.close()
    #expect(folder.segments.isEmpty)
}

@Test func aNewerFormIsLeftAlone() async throws {
    let folder = try await queued(1)
    try await DatabaseQueue(path: folder.path + "/queue.sqlite").write {
        try $0.execute(sql: "PRAGMA user_version = 99")
    }
    await #expect(throws: QueueError.self) { try await open(folder).open() }
    #expect(throws: QueueError.self) { try QueueInspector(directory: folder.path) }
    #expect(folder.segments.count == 1)
}

/// Deleted by another process: the room comes back while the service runs, and nothing is given back twice.
@Test func accountsSurviveAnotherProcess() async throws {
    let folder = try Folder()
    let store = SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: OperatingSystem(), sealOctets: 6_000)
    _ = try await store.open()
    for number in 1...6 { _ = try await store.commit(message(Int64(number)), .memory(body(number))) }
    #expect(folder.segments.count == 3)
    let inspector = try QueueInspector(directory: folder.path)
    #expect(try inspector.delete([QueueID(rawValue: 1), QueueID(rawValue: 2), QueueID(rawValue: 3)]) == 3)
    // The service was sending it meanwhile, and says so now.
    store.remove(QueueID(rawValue: 3))
    _ = try await store.wasChangedByOthers()
    #expect(folder.segments == ["2.segment", "3.segment"])
    let left = try await store.due("default", before: 1, beyond: 1 << 60, limit: 10)
    #expect(left.map(\.id.rawValue) == [4, 5, 6])
    for message in left { #expect(try await store.content(of: message) == body(Int(message.id.rawValue))) }
    await store.close()
}
