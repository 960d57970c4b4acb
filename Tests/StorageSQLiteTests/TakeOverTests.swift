import Foundation
import GRDB
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

private func mail(_ number: Int, _ time: Int64 = firstTime) throws -> Event {
    .message(
        MessageRecord(
            message: try messageID(number), time: time, queueID: "Q\(number)", tag: "news", fromDomain: "x.test",
            recipients: ["a@b.test"], untracked: "", privacy: .full, subject: ""))
}

private func delivery(_ status: String) throws -> Event {
    .delivery(
        DeliveryRecord(
            message: try messageID(1), time: firstTime + 1, recipient: 0, status: status, upstream: "u", reply: "r",
            passedThrough: "", isTracked: true, links: [:]))
}

private func hit(
    _ number: Int = 1, after time: Int64 = 60_000, recipient: Int = 0, link: Int? = 1, url: String = "https://a.test/",
    client: String = "192.0.2.1", agent: String = "Firefox"
) throws -> Event {
    .hit(
        HitRecord(
            message: try messageID(number), time: firstTime + time, kind: link == nil ? .open : .click,
            recipient: recipient, link: link, url: url, client: client, agent: agent))
}

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

private func journal(_ events: [Event], in folder: Folder) throws -> String {
    let path = folder.path + "/tracker.journal"
    let journal = try EventJournal(path: path)
    try journal.append(events.enumerated().map { EventCoding.encode($1, number: 1_000 + Int64($0)) }, limit: 1 << 20)
    return path
}

/// A tracker that was broken into invents what it likes; of all that only hits that can be are taken.
@Test func aTrackersJournalTellsOfHitsOnly() async throws {
    let folder = try Folder()
    let known = [(Int64(1), try mail(1)), (Int64(2), try delivery("sent"))].map { (number: $0, event: $1) }
    try storedEvents([known], in: folder, name: "events").close()
    let now = firstTime + 86_400_000
    let path = try journal(
        [
            try mail(2), try delivery("bounced"), try hit(7), try hit(after: 100 * 86_400_000),
            try hit(after: -86_400_000), try hit(recipient: 5), try hit(url: "javascript:alert(1)"),
            try hit(client: "not an address"), try hit(agent: String(repeating: "x", count: 301)),
            try hit(url: "https://a.test/" + String(repeating: "x", count: 9_000)), try hit(link: nil),
            try hit(link: nil, url: ""), try hit(),
        ], in: folder)
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    let result = try archive.takeOver(path, trust: .hits, now: now)
    #expect(result.new == 2 && result.events == 13 && result.damaged == 0)
    #expect(
        result.refused == [
            "mails and deliveries, of which only the relay's own journal may tell (--from-relay)": 2,
            "hits on mails that are not known here": 1, "hits dated in the future": 1,
            "hits dated before their mail": 1,
            "hits on copies their mail does not have": 1, "hits with fields that no tracker writes": 5,
        ])
    let reader = EventReader(directory: folder.path)
    let detail = try #require(try await reader.mail("Q1"))
    #expect(detail.copies.map(\.status) == ["sent"] && detail.events.count == 3)
    #expect(detail.events.allSatisfy { $0.kind == "delivery" || $0.result == "human" })
    #expect(try await reader.mails(MailFilter()).count == 1)
    // Twice does no harm.
    let again = try archive.takeOver(path, trust: .hits, now: now)
    #expect(again.new == 0 && again.refused == result.refused)
    // After a disaster the relay's own journal is the only word there is.
    let own = try archive.takeOver(path, trust: .everything, now: now)
    #expect(own.new == 11 && own.refused.isEmpty)
    #expect(try await reader.mails(MailFilter()).count == 2)
}

/// What d52f9e9 wrote: its journal and its database say the same here, and can be judged anew without moving a figure.
@Test func theSecondVersionsEventsAreTakenOver() throws {
    let folder = try Folder()
    let text = try String(contentsOf: fixtures.appendingPathComponent("second-version.sql"), encoding: .utf8)
    let database = try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false)
    try database.write { try $0.execute(sql: text) }
    let before = try database.read {
        try Row.fetchOne($0, sql: "SELECT SUM(opens), SUM(unique_opens), SUM(inferred_opens) FROM minute")
    }
    #expect(before.map { [$0[0] as Int, $0[1], $0[2]] } == [45, 14, 8])
    try database.close()
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    let moved = try Totals(archive.database)
    #expect(moved[.opens] == 53)

    let other = try Folder()
    let fresh = try EventArchive(directory: other.path, rules: .shipped, makesMissing: true)
    let journal = fixtures.appendingPathComponent("second-version.journal").path
    #expect(try fresh.takeOver(journal, trust: .everything, now: firstTime).damaged == 0)
    let expected = try Totals(fresh.database)
    #expect(moved.minutes == expected.minutes && moved.hits == expected.hits && moved.copies == expected.copies)
    let counted = "SELECT number, day, counted FROM event ORDER BY number"
    #expect(
        try archive.database.read { try Row.fetchAll($0, sql: counted) }
            == fresh.database.read { try Row.fetchAll($0, sql: counted) })
    #expect(try archive.takeOver(journal, trust: .everything, now: firstTime).new == 0)
    // What it counted is taken back from where it was counted.
    #expect(try archive.reclassify { _ in } == 0)
    #expect(try Totals(archive.database) == moved)
    // Its free pages may hold what was deleted: erasing leaves nothing of it either.
    _ = try archive.erase(recipient: "everybody@customer.example")
    #expect(try holding("everybody@customer.example", in: folder).isEmpty)
}

/// The third version told what a class rests on by its evidence, which was a sentence: what it stored is judged anew as if
/// it had been stored today, by other rules, too.
@Test func theThirdVersionsVerdictsKeepTheirBasis() throws {
    let folder = try Folder()
    let text = try String(contentsOf: fixtures.appendingPathComponent("third-version.sql"), encoding: .utf8)
    let database = try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false)
    try database.write { try $0.execute(sql: text) }
    try database.close()
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    let moved = try Totals(archive.database)
    let journal = try EventJournal(reading: fixtures.appendingPathComponent("second-version.journal").path)
    let events = try journal.events(from: 0)
    #expect(events.end == journal.octets)
    // It was written where the clock shows UTC.
    let fresh = try storedEvents([events.events], calendar: LocalTime(offset: 0), in: folder, name: "fresh")
    #expect(try Totals(fresh) == moved)
    let bases = "SELECT COUNT(DISTINCT basis) FROM event WHERE kind <> 'delivery'"
    #expect(try archive.database.read { try Int.fetchOne($0, sql: bases) } == HitBasis.allCases.count)
    #expect(try archive.reclassify { _ in } == 0)
    // Without its time a hit is what its request alone makes of it.
    let lines = HitRules.shippedText.split(separator: "\n").filter {
        !$0.hasPrefix("scanner burst") && !$0.hasPrefix("scanner after-250")
    }
    let untimed = try HitRules(parsing: lines.joined(separator: "\n"))
    #expect(try EventArchive(directory: folder.path, rules: untimed).reclassify { _ in } > 20)
    let expected = try storedEvents(
        [events.events], rules: untimed, calendar: LocalTime(offset: 0), in: folder, name: "untimed")
    #expect(try Totals(archive.database) == Totals(expected))
}
