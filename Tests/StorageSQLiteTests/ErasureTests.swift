import Foundation
import MessageQueue
import TestSupport
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

private let her = "annika.erasure@mail.test"

/// Files of a folder that hold a word, whatever its letters' case.
func holding(_ word: String, in folder: Folder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { name in
        // A database's log goes with whoever closes it last.
        guard let octets = FileManager.default.contents(atPath: folder.path + "/" + name) else { return false }
        let lower = Data(octets.map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 })
        return lower.range(of: Data(word.lowercased().utf8)) != nil
    }
}

private func mail(_ number: Int, _ privacy: Privacy = .full) throws -> Event {
    .message(
        MessageRecord(
            message: try messageID(number), time: firstTime, queueID: "Q\(number)", tag: "news", fromDomain: "x.test",
            recipients: privacy == .anonymous ? [] : [her.uppercased(), "bob@mail.test"], untracked: "",
            privacy: privacy, subject: "for Annika"))
}

private func delivery(_ number: Int, _ status: String = "sent") throws -> Event {
    .delivery(
        DeliveryRecord(
            message: try messageID(number), time: firstTime + 1, recipient: 0, status: status, upstream: "u",
            reply: "250 Ok for <\(her)>", passedThrough: "", isTracked: true, links: [:]))
}

private func hit(_ number: Int, isPrivate: Bool = false) throws -> Event {
    .hit(
        HitRecord(
            message: try messageID(number), time: firstTime + 60_000, kind: .click, recipient: 0, link: 1,
            url: "https://a.test/?user=\(her)", client: "198.51.100.77", agent: "Annikas-Browser/1",
            isPrivate: isPrivate))
}

private func queued() -> QueuedMessage {
    let new = NewMessage(arrival: firstTime, upstream: "default", reversePath: "", recipients: [], octets: 0)
    return QueuedMessage(new, id: QueueID(rawValue: 7), expires: 0)
}

/// Waits until a log has stored what it was told.
private func settle(_ log: SQLiteEventLog, in folder: Folder, events count: Int) async throws {
    let reader = EventReader(directory: folder.path)
    let isSettled = try await eventually {
        (try? await reader.events(EventFilter()).count) == count && log.status.waitingOctets == 0
    }
    try #require(isSettled, "\(count) events never came")
}

/// Her address, her client, her agent and her texts are in no file of the data directory: not in the database, its log or
/// its free pages, nor in a journal.
@Test(arguments: [true, false])
func anErasedRecipientIsInNoFile(_ isRunning: Bool) async throws {
    let folder = try Folder()
    let log = SQLiteEventLog(directory: folder.path) { _ in }
    for event in [try mail(1), try delivery(1), try hit(1)] { log.record(event) }
    try await settle(log, in: folder, events: 2)
    let sources = SourceArchive(directory: folder.path) { _ in }
    sources.keep(
        try messageID(1), queued(), Array("To: \(her)\r\n\r\nHello".utf8), now: 1, for: .max / 2)
    _ = await sources.entry(try messageID(1), now: 2)
    if !isRunning { log.close() }
    let words = [her, "198.51.100.77", "annikas-browser"]
    #expect(try holding(her, in: folder).count >= 3)
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    #expect(try archive.erase(recipient: her) == [try messageID(1)])
    for word in words { #expect(try holding(word, in: folder) == [], "\(word)") }
    guard isRunning else { return }
    // What comes of her from now on is counted, and nothing of it is kept; nor what the upstream says.
    for event in [try hit(1), try delivery(1, "deferred")] { log.record(event) }
    try await settle(log, in: folder, events: 4)
    log.close()
    #expect(try archive.erase(recipient: her).isEmpty)
    for word in words { #expect(try holding(word, in: folder) == [], "\(word), later") }
}

/// Events that wait cannot be searched: to say "erased" would be a lie.
@Test func erasingWaitsForTheJournal() async throws {
    let folder = try Folder()
    let journal = try EventJournal(path: folder.path + "/events.journal")
    try journal.append([EventCoding.encode(try mail(1), number: 1)], limit: 1 << 20)
    let archive = try EventArchive(directory: folder.path, rules: .shipped, makesMissing: true)
    await #expect(throws: EventStoreError.self) { try await onOwnThread { try archive.erase(recipient: her) } }
}

/// Who reads anonymous mail, or asks not to be identified, stands in the journal until it is stored and no longer.
@Test func theJournalKeepsNobodysHits() async throws {
    let folder = try Folder()
    let log = SQLiteEventLog(directory: folder.path) { _ in }
    for event in [try mail(1, .anonymous), try hit(1), try mail(2), try hit(2, isPrivate: true)] { log.record(event) }
    try await settle(log, in: folder, events: 2)
    _ = try await eventually { try holding("annikas-browser", in: folder).isEmpty }
    for word in ["198.51.100.77", "annikas-browser"] { #expect(try holding(word, in: folder) == [], "\(word)") }
    // The lines around them are whole.
    log.close()
    #expect(try holding("bob@mail.test", in: folder).contains("events.journal"))
    let journal = try EventJournal(reading: folder.path + "/events.journal")
    let piece = try journal.events(from: 0)
    #expect(piece.events.count == 2 && piece.damaged == 0)
}

/// A text goes when its time is over, whether or not another one comes.
@Test func aKeptTextDoesNotOutliveItsTime() async throws {
    let folder = try Folder()
    let sources = SourceArchive(directory: folder.path) { _ in }
    sources.keep(try messageID(1), queued(), Array("To: \(her)\r\n".utf8), now: 1_000, for: 500)
    #expect(await sources.entry(try messageID(1), now: 1_499) != nil)
    try sources.forgetExpired(now: 1_499)
    #expect(try holding(her, in: folder) == ["sources.sqlite"])
    // The log's own thread asks for it, as long as it runs.
    let log = SQLiteEventLog(directory: folder.path) { _ in }
    _ = try await eventually { try holding(her, in: folder).isEmpty }
    log.close()
    #expect(try holding(her, in: folder) == [])
}
