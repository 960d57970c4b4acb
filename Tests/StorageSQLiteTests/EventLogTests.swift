import Foundation
import Synchronization
import TestSupport
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

private func id(_ number: UInt8) throws -> TrackingMessageID {
    try #require(TrackingMessageID(bytes: [UInt8](repeating: number, count: 10)))
}

private func mail(_ number: UInt8, _ privacy: Privacy) throws -> Event {
    .message(
        MessageRecord(
            message: try id(number), time: 1, queueID: "Q", tag: "news", fromDomain: "x.test",
            recipients: privacy == .anonymous ? [] : ["a@b.test", "c@d.test"],
            untracked: "", privacy: privacy, subject: "Hello"))
}

private func click(_ number: UInt8, time: Int64 = 5) throws -> Event {
    .hit(
        HitRecord(
            message: try id(number), time: time, kind: .click, recipient: 1, link: 2, url: "https://a.test/?x=1",
            client: "192.0.2.77",
            agent: "Mozilla/5.0 Firefox/1"))
}

@Test func eventsAreKeptAsThePolicySays() async throws {
    let folder = try Folder()
    let log = SQLiteEventLog(directory: folder.path) { _ in }
    for (number, privacy) in [(UInt8(1), Privacy.full), (2, .pseudonymous), (3, .anonymous)] {
        log.record(try mail(number, privacy))
        log.record(try click(number))
    }
    log.record(try click(9))
    log.record(
        .delivery(
            DeliveryRecord(
                message: try id(1), time: 6, recipient: 0, status: "sent", upstream: "default", reply: "250 ok",
                passedThrough: "", isTracked: true, links: ["tracked": 2, "excluded": 1])))
    log.close()
    let reader = EventReader(directory: folder.path)
    let events = try await reader.events(EventFilter())
    #expect(events.count == 5)
    #expect(
        events[0].client == "192.0.2.77" && events[0].agent == "Mozilla/5.0 Firefox/1"
            && events[0].address == "c@d.test")
    #expect(events[1].client == "192.0.2.0/24" && events[1].agent == "Firefox" && events[1].address == "c@d.test")
    #expect(events[2].client == "" && events[2].agent == "" && events[2].recipient == nil)
    // A mail that is not known here: the event is kept all the same.
    #expect(events[3].tag == nil && events[3].client == "192.0.2.0/24" && events[3].url == "https://a.test/?x=1")
    #expect(events[4].result == "sent" && events[4].address == "a@b.test")
    var filter = EventFilter()
    filter.tag = "news"
    #expect(try await reader.events(filter).count == 4)
    #expect(try await reader.mail("Q") != nil)
    #expect(try await reader.mail(events[0].message)?.mail.subject == "Hello")
    #expect(log.dropped == 0)
}

@Test func aDatabaseThatIsDownDelaysEventsAndLosesNone() async throws {
    let folder = try Folder()
    // A folder in the database's place: it cannot be opened.
    try FileManager.default.createDirectory(atPath: folder.path + "/events.sqlite", withIntermediateDirectories: true)
    let complaints = Mutex<[String]>([])
    let log = SQLiteEventLog(directory: folder.path) { text in complaints.withLock { $0.append(text) } }
    for number in 0..<10 { log.record(try click(1, time: Int64(number))) }
    log.close()
    #expect(complaints.withLock { $0.count } == 1)
    try FileManager.default.removeItem(atPath: folder.path + "/events.sqlite")
    // The torn end of a crash.
    let journal = try #require(FileHandle(forWritingAtPath: folder.path + "/events.journal"))
    try journal.seekToEnd()
    try journal.write(contentsOf: Data("123\u{1F}C\u{1F}torn".utf8))
    try journal.close()
    let healed = SQLiteEventLog(directory: folder.path) { _ in }
    healed.close()
    let reader = EventReader(directory: folder.path)
    #expect(try await reader.events(EventFilter()).map(\.time) == Array(0..<10).map { Int64($0) })
    // A replay of the same journal adds nothing.
    let copy = folder.path + "/copy.journal"
    try FileManager.default.copyItem(atPath: folder.path + "/events.journal", toPath: copy)
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    let again = try archive.takeOver(copy, trust: .everything, now: 1_000)
    #expect(again.new == 0 && again.events == 10 && again.damaged == 0)
    #expect(try await reader.events(EventFilter()).count == 10)
}

@Test func aDeletedDatabaseGetsTheLastMinuteAgain() async throws {
    let folder = try Folder()
    let log = SQLiteEventLog(directory: folder.path) { _ in }
    func wait(for count: Int) async throws {
        let reader = EventReader(directory: folder.path)
        let isThere = try await eventually { (try? await reader.events(EventFilter()).count) == count }
        try #require(isThere, "\(count) events never came")
    }
    log.record(try click(1, time: 1))
    try await wait(for: 1)
    for name in ["events.sqlite", "events.sqlite-wal", "events.sqlite-shm"] {
        try? FileManager.default.removeItem(atPath: folder.path + "/" + name)
    }
    for time in 2...4 { log.record(try click(1, time: Int64(time))) }
    // The lines of the last minute were still in the journal.
    try await wait(for: 4)
    log.close()
    #expect(log.dropped == 0)
}

@Test func eventsWaitInMemoryForTheirJournal() async throws {
    let folder = try Folder()
    let journal = folder.path + "/events.journal"
    try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: true)
    let complaints = Mutex<[String]>([])
    let log = SQLiteEventLog(directory: folder.path) { text in complaints.withLock { $0.append(text) } }
    for time in 1...3 { log.record(try click(1, time: Int64(time))) }
    try #require(try await eventually { complaints.withLock { !$0.isEmpty } })
    #expect(complaints.withLock { $0[0] }.hasPrefix("events wait in memory"))
    try FileManager.default.removeItem(atPath: journal)
    log.close()
    #expect(log.dropped == 0)
    #expect(try await EventReader(directory: folder.path).events(EventFilter()).count == 3)
}

@Test func eventsComeBackFromTheirLines() throws {
    let delivery = Event.delivery(
        DeliveryRecord(
            message: try id(4), time: 7, recipient: 3, status: "deferred", upstream: "u", reply: "451 no",
            passedThrough: "signed", isTracked: false, links: ["tracked": 3, "mailto": 1]))
    for event in [try mail(1, .anonymous), try click(2), delivery] {
        let line = EventCoding.encode(event, number: 42)
        #expect(line.last == 0x0A)
        let decoded = try #require(EventCoding.decode(line.dropLast()))
        #expect(decoded.number == 42 && decoded.event == event)
        for length in 0..<20 { _ = EventCoding.decode(line.prefix(length)) }
        // Times and numbers whose sums would overflow are no event's.
        let text = String(decoding: line.dropLast(), as: UTF8.self)
        let fields = text.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
        for bad in ["9223372036854775807", "-1", "x"] {
            var changed = fields
            changed[3] = bad
            #expect(EventCoding.decode(Array(changed.joined(separator: "\u{1F}").utf8)) == nil)
        }
    }
}

/// A power cut took the end of the journal, which is synced once a second, and left the database, which is synced at once:
/// its place would be in the middle of what is written since.
@Test func aDatabaseAheadOfItsJournalLosesNothing() async throws {
    let folder = try Folder()
    let log = SQLiteEventLog(directory: folder.path) { _ in }
    for number in 0..<10 { log.record(try click(1, time: Int64(number))) }
    log.close()
    let path = folder.path + "/events.journal"
    let lines = try Data(contentsOf: URL(fileURLWithPath: path)).split(separator: 0x0A)
    #expect(lines.count == 10)
    try #require(FileHandle(forWritingAtPath: path)).truncate(
        atOffset: UInt64(lines[..<4].reduce(0) { $0 + $1.count + 1 }))

    let file = EventJournalFile(directory: folder.path, limit: 1 << 20, isHandedOver: false)
    try file.open()
    let records = EventRecords()
    // Before the database is asked, the journal is longer again than it says.
    try file.keep(try (100..<120).map { records.record(try click(1, time: Int64($0))) })
    let keeper = EventKeeper(directory: folder.path, options: .init(), file: file) { Issue.record("\($0)") }
    while keeper.store(isLast: true) {}
    let times = try await EventReader(directory: folder.path).events(EventFilter()).map(\.time)
    #expect(times.sorted() == (0..<10).map { Int64($0) } + (100..<120).map { Int64($0) })
}

/// A tracker that was given the relay's directory: both would write into each other's lines.
@Test func twoLogsOfOneDirectoryLoseNothing() async throws {
    let folder = try Folder()
    let first = SQLiteEventLog(directory: folder.path) { _ in }
    for number in 0..<5 { first.record(try click(1, time: Int64(number))) }
    await first.flush()
    let complaints = Mutex<[String]>([])
    let second = SQLiteEventLog(directory: folder.path) { text in complaints.withLock { $0.append(text) } }
    for number in 5..<10 { second.record(try click(1, time: Int64(number))) }
    #expect(try await eventually { complaints.withLock { $0.contains { $0.contains("another tracerelay writes") } } })
    #expect(second.status.complaint.contains("another tracerelay writes"))
    first.close()
    // Its turn has come.
    #expect(try await eventually { second.status.complaint.isEmpty })
    second.close()
    let times = try await EventReader(directory: folder.path).events(EventFilter()).map(\.time)
    #expect(times.sorted() == (0..<10).map { Int64($0) } && second.dropped == 0)
}
