import Foundation
import GRDB
import TestSupport
import Testing
import Tracking

@testable import StorageSQLite
@testable import TrackingEvents

/// Whatever the order in which deliveries and hits come, however they are grouped, and however often: the totals are
/// those of the same events in the order of time.
@Test(arguments: EventStoreKind.allCases, 1...3)
func theOrderOfStoringDoesNotChangeTheFigures(_ kind: EventStoreKind, _ seed: UInt64) throws {
    var generator = Generator(state: seed)
    let all = numbered(try generatedEvents(&generator, mails: 30, hits: 1_000))
    let expected = try totals(kind, [all.sorted { time(of: $0.event) < time(of: $1.event) }])
    #expect(expected.minutes.count > 30 && expected.pages.count > 4 && expected.copies.count > 40)
    for _ in 0..<2 {
        var shuffled = all.shuffled(using: &generator)
        shuffled += shuffled.prefix(200)
        // The relay's own journal begins with the mail.
        shuffled = shuffled.filter(isMessage) + shuffled.filter { !isMessage($0) }
        var groups: [[(number: Int64, event: Event)]] = []
        while !shuffled.isEmpty {
            let count = Int.random(in: 1..<300, using: &generator)
            groups.append(Array(shuffled.prefix(count)))
            shuffled.removeFirst(min(count, shuffled.count))
        }
        let found = try totals(kind, groups)
        #expect(found.hits == expected.hits)
        #expect(found.copies == expected.copies)
        #expect(found.days == expected.days)
        #expect(found.minutes == expected.minutes)
        #expect(found.pages == expected.pages)
        #expect(found.reasons == expected.reasons)
    }
}

/// Whether an event is of the mails that are anonymous, or a hit of somebody who asks not to be identified.
private func isNobodys(_ event: Event) throws -> Bool {
    let anonymous = Set(try (0..<100).filter { $0 % 4 == 3 }.map(messageID))
    switch event {
    case .message(let record): return record.privacy == .anonymous
    case .delivery(let record): return anonymous.contains(record.message)
    case .hit(let record): return record.isPrivate || anonymous.contains(record.message)
    }
}

/// A tracker's journal may be taken over before the relay's own has the mail.
@Test(arguments: EventStoreKind.allCases, 1...3)
func hitsMayComeBeforeTheirMail(_ kind: EventStoreKind, _ seed: UInt64) throws {
    var generator = Generator(state: seed)
    // What is kept whole cannot be kept whole before the policy is known.
    let all = try generatedEvents(&generator, mails: 20, hits: 600).filter {
        if case .message(let record) = $0 { record.privacy != .full } else { true }
    }
    let (mails, others) = (numbered(all).filter(isMessage), numbered(all).filter { !isMessage($0) })
    let hits = others.filter { if case .hit = $0.event { true } else { false } }
    let deliveries = others.filter { if case .delivery = $0.event { true } else { false } }
    let expected = try totals(kind, [mails + deliveries + hits])
    let found = try totals(kind, [hits, mails + deliveries])
    #expect(found.days == expected.days)
    #expect(found.minutes == expected.minutes)
    #expect(found.pages == expected.pages)
    #expect(found.copies == expected.copies)
}

private func time(of event: Event) -> Int64 {
    switch event {
    case .message(let record): record.time
    case .delivery(let record): record.time
    case .hit(let record): record.time
    }
}

/// Bursts without end from ever new sources cost what their number costs, and are counted as the law counts them.
@Test(arguments: EventStoreKind.allCases)
func manyBurstsAreJudgedOnce(_ kind: EventStoreKind) throws {
    let message = try messageID(1)
    var events: [Event] = [
        .message(
            MessageRecord(
                message: message, time: firstTime, queueID: "Q", tag: "news", fromDomain: "", recipients: ["a@b.test"],
                untracked: "", privacy: .full, subject: ""))
    ]
    for number in 0..<1_800 {
        events.append(
            .hit(
                HitRecord(
                    message: message, time: firstTime + Int64(number) * 2, kind: .click, recipient: 0,
                    link: number % 3, url: "https://a.test/", client: "192.0.2.1", agent: "Ma\(number / 3) x")))
    }
    let hits = numbered(events)
    let pieces = stride(from: 0, to: hits.count, by: 600).map { Array(hits[$0..<min($0 + 600, hits.count)]) }
    var stored: Totals?
    let time = try processorTime { stored = try totals(kind, pieces) }
    // Squares of them would take minutes. The second bound says that it is this thread's work which is measured.
    #expect(time < .seconds(10) && time > .milliseconds(1))
    let found = try #require(stored)
    #expect(found.verdicts.count == 1_800 && found.verdicts.values.allSatisfy { $0.basis == .burst })
    #expect(found[.scanner] == 1_800 && found[.human] == 0 && found[.clicks] == 0)
}

/// A delivery that is stored in front of its mail counts under the mail's tag in the end.
@Test(arguments: EventStoreKind.allCases)
func deliveriesMayComeBeforeTheirMail(_ kind: EventStoreKind) throws {
    var generator = Generator(state: 4)
    let all = numbered(try generatedEvents(&generator, mails: 20, hits: 0))
    let mails = all.filter(isMessage)
    let deliveries = all.filter { !isMessage($0) }
    let expected = try totals(kind, [mails + deliveries])
    #expect(try totals(kind, [deliveries, mails]) == expected)
}

/// Judging anew gives the figures that the new rules would have given from the start.
@Test(arguments: 1...3)
func historyCanBeJudgedAnew(_ seed: UInt64) async throws {
    let folder = try Folder()
    var generator = Generator(state: seed)
    // Nothing is left to judge nobody's hits by: they keep their class.
    let numbered = try generatedEvents(&generator, mails: 20, hits: 800).enumerated().map {
        (number: Int64($0), event: $1)
    }
    .filter { try !isNobodys($0.event) }
    // By the network, which a cut address still tells.
    let rules = try HitRules(parsing: "scanner network 192.0.1.0/24\n" + HitRules.shippedText)
    let expected = try Totals(try storedEvents([numbered], rules: rules, in: folder, name: "new"))
    try storedEvents([numbered], in: folder, name: "events").close()
    let before = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    let archive = try EventArchive(directory: folder.path, rules: rules)
    #expect(try archive.reclassify { _ in } > 50)
    #expect(try archive.reclassify { _ in } == 0)
    let found = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(found == expected && found.days != before.days)
    // And back.
    _ = try EventArchive(directory: folder.path, rules: .shipped).reclassify { _ in }
    let back = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(back == before)
}

@Test func whatIsKeptLongEnoughGoes() throws {
    let folder = try Folder()
    var generator = Generator(state: 9)
    let numbered = try generatedEvents(&generator, mails: 20, hits: 300).enumerated().map {
        (number: Int64($0), event: $1)
    }
    let database = try storedEvents([numbered], in: folder, name: "events")
    let day: Int64 = 86_400_000
    let clocks = RetentionClocks(personal: 2 * day, hits: 4 * day, figures: 6 * day)
    let retention = EventRetention(clocks: Retention(tags: ["news": clocks], others: clocks))
    func run(after days: Int64) throws {
        try database.write { database in
            while try retention.run(database, now: firstTime + days * day + 20_000) {}
        }
    }
    func count(_ sql: String) throws -> Int { try database.read { try Int.fetchOne($0, sql: sql) ?? -1 } }
    let figures = try Totals(database).days
    try run(after: 1)
    #expect(try count("SELECT COUNT(*) FROM copy WHERE address <> ''") == 30)
    try run(after: 3)
    #expect(try count("SELECT COUNT(*) FROM copy WHERE address <> ''") == 0)
    let others = try strays(database)
    #expect(
        try count("SELECT COUNT(*) FROM event WHERE client <> '' OR agent <> '' OR reply <> ''") == others)
    #expect(try count("SELECT COUNT(*) FROM message WHERE subject <> ''") == 0)
    #expect(try count("SELECT COUNT(*) FROM message") == 20)
    #expect(try Totals(database).days == figures)
    // A hit on an erased copy is nobody's, and judging anew changes no figure.
    let late = HitRecord(
        message: try messageID(1), time: firstTime + 3 * day, kind: .click, recipient: 0, link: 1,
        url: "https://a.test/1",
        client: "192.0.2.1", agent: "Firefox")
    try SQLiteEventStore(database).store([[(1 << 40, .hit(late))]], with: HitAccounts(rules: .shipped))
    #expect(
        try count("SELECT COUNT(*) FROM event WHERE number = \(1 << 40) AND recipient IS NULL AND client = ''") == 1)
    try run(after: 5)
    #expect(
        try count("SELECT (SELECT COUNT(*) FROM message) + (SELECT COUNT(*) FROM event) + (SELECT COUNT(*) FROM copy)")
            == 0)
    #expect(try count("SELECT COUNT(*) FROM day") > 0)
    try run(after: 11)
    #expect(
        try count("SELECT (SELECT COUNT(*) FROM day) + (SELECT COUNT(*) FROM link) + (SELECT COUNT(*) FROM reason)")
            == 0)
    #expect(try count("SELECT COUNT(*) FROM minute") > 0)
    try run(after: 20)
    #expect(try count("SELECT COUNT(*) FROM minute") == 0)
}

/// Events of mail that is not known here, which no policy speaks of.
private func strays(_ database: DatabaseQueue) throws -> Int {
    try database.read {
        try Int.fetchOne(
            $0,
            sql: "SELECT COUNT(*) FROM event WHERE message NOT IN (SELECT id FROM message) AND recipient IS NOT NULL")
            ?? -1
    }
}

@Test func aRecipientCanBeExportedAndErased() async throws {
    let folder = try Folder()
    var generator = Generator(state: 5)
    let numbered = try generatedEvents(&generator, mails: 12, hits: 200).enumerated().map {
        (number: Int64($0), event: $1)
    }
    try storedEvents([numbered], in: folder, name: "events").close()
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    let exported = try archive.export(recipient: "A1@B.test")
    #expect(exported.count > 3 && exported.allSatisfy { $0.address == "a1@b.test" })
    let before = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(try archive.erase(recipient: "a1@B.TEST").count == 1)
    #expect(try archive.export(recipient: "a1@b.test").isEmpty)
    #expect(try archive.erase(recipient: "a1@b.test").isEmpty)
    let reader = EventReader(directory: folder.path)
    let mail = try #require(try await reader.mail(try messageID(1).description))
    #expect(mail.copies[0].address.isEmpty && mail.copies[1].address == "c@d.test" && mail.mail.subject.isEmpty)
    for event in mail.events where event.recipient == 0 {
        #expect(event.client.isEmpty && event.agent.isEmpty && event.reply.isEmpty && event.url.isEmpty)
    }
    _ = try archive.reclassify { _ in }
    let after = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(after.days == before.days && after.minutes == before.minutes && after.pages == before.pages)
}

@Test(arguments: EventStoreKind.allCases)
func manyPagesOfATagAreCountedTogether(_ kind: EventStoreKind) throws {
    let message = try messageID(1)
    let hits = numbered(
        (0..<1_500).map { number in
            .hit(
                HitRecord(
                    message: message, time: firstTime + Int64(number) * 10_000, kind: .click, recipient: 0,
                    link: number, url: "https://a.test/\(number)", client: "192.0.2.1", agent: "Firefox"))
        })
    let found = try totals(kind, [hits])
    let days = Dictionary(grouping: found.pages) { $0.key.day }
    #expect(days.values.allSatisfy { $0.count <= EventTally.maximumPages + 1 })
    #expect(days.values.contains { $0.count == EventTally.maximumPages + 1 })
    #expect(found.pages.values.reduce(0) { $0 + $1.count } == 1_500)
}

@Test func theFirstVersionsEventsAreTakenOver() async throws {
    let folder = try Folder()
    let database = try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false)
    try await database.write { database in
        try database.execute(
            sql: """
                CREATE TABLE message (
                    id BLOB PRIMARY KEY, time INTEGER NOT NULL, queue_id TEXT NOT NULL, tag TEXT NOT NULL,
                    from_domain TEXT NOT NULL, recipients TEXT NOT NULL, untracked TEXT NOT NULL, privacy TEXT NOT NULL
                ) WITHOUT ROWID;
                CREATE TABLE event (
                    sequence INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL UNIQUE, time INTEGER NOT NULL,
                    kind TEXT NOT NULL, message BLOB NOT NULL, recipient INTEGER, link INTEGER, url TEXT NOT NULL,
                    class TEXT NOT NULL, evidence TEXT NOT NULL, client TEXT NOT NULL, agent TEXT NOT NULL,
                    upstream TEXT NOT NULL, reply TEXT NOT NULL, note TEXT NOT NULL);
                CREATE INDEX event_message ON event (message);
                INSERT INTO message VALUES (x'00000000000000000007', 5, 'Q7', 'news', 'x.test', 'a@b.test\nc@d.test', '', 'full');
                INSERT INTO event VALUES (1, 99, 6, 'click', x'00000000000000000007', 1, 2, 'https://a.test/', 'human', 'e',
                    '192.0.2.1', 'Firefox', '', '', '');
                """)
    }
    try database.close()
    let reader = EventReader(directory: folder.path)
    let detail = try #require(try await reader.mail("Q7"))
    #expect(detail.copies.map(\.address) == ["a@b.test", "c@d.test"])
    #expect(detail.events.map(\.address) == ["c@d.test"] && detail.events[0].url == "https://a.test/")
}
