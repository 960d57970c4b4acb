import Foundation
import GRDB
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

private let start: Int64 = 1_795_500_000_000
private let agents = ["Mozilla/5.0 (X11) Firefox/140.0", "Mozilla/5.0", "x GoogleImageProxy", "curl/8", "Chrome/1"]

private func id(_ number: Int) throws -> TrackingMessageID {
    try #require(TrackingMessageID(bytes: [0, 0, 0, 0, 0, 0, 0, 0, UInt8(number >> 8), UInt8(number & 255)]))
}

/// Mails, deliveries and hits in a random order of storing.
private func events(_ generator: inout Generator, mails: Int, hits: Int) throws -> [Event] {
    var events: [Event] = []
    let privacies: [Privacy] = [.full, .pseudonymous, .pseudonymous, .anonymous]
    for number in 0..<mails {
        let privacy = privacies[number % 4]
        events.append(
            .message(
                MessageRecord(
                    message: try id(number), time: start + Int64(number) * 1_000, queueID: "Q\(number)",
                    tag: ["news", "shop"][number % 2], fromDomain: "x.test",
                    recipients: privacy == .anonymous ? [] : ["a\(number)@b.test", "c@d.test"],
                    untracked: number % 7 == 0 ? "not-asked" : "", privacy: privacy, subject: "S")))
        for recipient in 0..<2 {
            events.append(
                .delivery(
                    DeliveryRecord(
                        message: try id(number), time: start + Int64(number) * 1_000 + 500, recipient: recipient,
                        status: ["sent", "sent", "deferred", "bounced"].randomElement(using: &generator) ?? "sent",
                        upstream: "u", reply: "r", passedThrough: number % 5 == 0 ? "signed" : "",
                        isTracked: number % 5 != 0, links: ["tracked": 3, "mailto": 1])))
        }
    }
    for place in 0..<hits {
        let isOpen = Bool.random(using: &generator)
        let link = Int.random(in: 0..<5, using: &generator)
        let number = Int.random(in: 0..<(mails + 1), using: &generator)
        // Close together, so that bursts, pauses and the delivery's seconds all happen.
        let span: Int64 = [3_000, 20_000, 9_000_000].randomElement(using: &generator) ?? 3_000
        events.append(
            .hit(
                HitRecord(
                    message: try id(number),
                    // No two at the same time: then their order is that of storing.
                    time: start + Int64(number) * 1_000
                        + Int64.random(in: 0..<span, using: &generator) / Int64(hits) * Int64(hits) + Int64(place),
                    kind: isOpen ? .open : .click, recipient: Int.random(in: 0..<2, using: &generator),
                    link: isOpen ? nil : link, url: isOpen ? "" : "https://a.test/\(link)?r=\(number)",
                    client: "192.0.\(Int.random(in: 1..<3, using: &generator)).7",
                    agent: agents.randomElement(using: &generator) ?? "",
                    isHead: Int.random(in: 0..<20, using: &generator) == 0,
                    isPrivate: Int.random(in: 0..<20, using: &generator) == 0)))
    }
    return events
}

/// Everything the console shows, from one store.
private struct Totals: Equatable {
    var minutes: [Row]
    var days: [Row]
    var links: [Row]
    var reasons: [Row]
    var copies: [Row]
    var classes: [Row]

    init(_ database: DatabaseQueue) throws {
        (minutes, days, links, reasons, copies, classes) = try database.read { database in
            func rows(_ sql: String) throws -> [Row] { try Row.fetchAll(database, sql: sql) }
            let isThere = Figure.allCases.map { "\($0.rawValue) <> 0" }.joined(separator: " OR ")
            return (
                try rows("SELECT * FROM minute WHERE \(isThere) ORDER BY bucket, tag"),
                try rows("SELECT * FROM day WHERE \(isThere) ORDER BY bucket, tag"),
                try rows("SELECT * FROM link WHERE clicks <> 0 ORDER BY tag, day, page"),
                try rows("SELECT * FROM reason ORDER BY tag, day, kind, reason"),
                try rows("SELECT * FROM copy ORDER BY message, recipient"),
                try rows(
                    "SELECT number, class, evidence FROM event WHERE kind <> 'delivery' ORDER BY number")
            )
        }
    }
}

private func store(
    _ groups: [[(number: Int64, event: Event)]], rules: HitRules = .shipped, in folder: Folder, name: String
) throws -> DatabaseQueue {
    let database = try SQLiteFile.open("\(folder.path)/\(name).sqlite", isDurable: false)
    try database.write { try EventSchema.prepare($0) }
    let writer = EventWriter(rules: rules)
    for group in groups { _ = try database.write { try writer.store(group, in: $0) } }
    return database
}

/// Whatever the order in which deliveries and hits come, however they are grouped, and however often: the totals are
/// those of the same events in the order of time.
@Test(arguments: 1...6)
func theOrderOfStoringDoesNotChangeTheFigures(_ seed: UInt64) throws {
    let folder = try Folder()
    var generator = Generator(state: seed)
    let all = try events(&generator, mails: 30, hits: 1_500)
    let numbered = all.enumerated().map { (number: Int64($0), event: $1) }
    let sorted = numbered.sorted { time(of: $0.event) < time(of: $1.event) }
    let expected = try Totals(try store([sorted], in: folder, name: "sorted"))
    #expect(expected.minutes.count > 30 && expected.links.count > 4 && expected.copies.count > 40)
    for round in 0..<3 {
        var shuffled = numbered.shuffled(using: &generator)
        shuffled += shuffled.prefix(200)
        // The relay's own journal begins with the mail.
        shuffled = shuffled.filter(isMessage) + shuffled.filter { !isMessage($0) }
        var groups: [[(number: Int64, event: Event)]] = []
        while !shuffled.isEmpty {
            let count = Int.random(in: 1..<300, using: &generator)
            groups.append(Array(shuffled.prefix(count)))
            shuffled.removeFirst(min(count, shuffled.count))
        }
        let found = try Totals(try store(groups, in: folder, name: "round\(round)"))
        #expect(found.classes == expected.classes)
        #expect(found.copies == expected.copies)
        #expect(found.days == expected.days)
        #expect(found.minutes == expected.minutes)
        #expect(found.links == expected.links)
        #expect(found.reasons == expected.reasons)
    }
}

private func isMessage(_ entry: (number: Int64, event: Event)) -> Bool {
    if case .message = entry.event { true } else { false }
}

/// A tracker's journal may be taken over before the relay's own has the mail.
@Test(arguments: 1...3)
func hitsMayComeBeforeTheirMail(_ seed: UInt64) throws {
    let folder = try Folder()
    var generator = Generator(state: seed)
    // What is kept whole cannot be kept whole before the policy is known.
    let all = try events(&generator, mails: 20, hits: 600).filter {
        if case .message(let record) = $0 { record.privacy != .full } else { true }
    }
    let numbered = all.enumerated().map { (number: Int64($0), event: $1) }
    let (mails, others) = (numbered.filter(isMessage), numbered.filter { !isMessage($0) })
    let hits = others.filter { if case .hit = $0.event { true } else { false } }
    let deliveries = others.filter { if case .delivery = $0.event { true } else { false } }
    let expected = try Totals(try store([mails + deliveries + hits], in: folder, name: "first"))
    let found = try Totals(try store([hits, mails + deliveries], in: folder, name: "last"))
    #expect(found.days == expected.days)
    #expect(found.minutes == expected.minutes)
    #expect(found.links == expected.links)
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
@Test func manyBurstsAreJudgedOnce() throws {
    let folder = try Folder()
    let message = try id(1)
    var hits: [(number: Int64, event: Event)] = [
        (
            number: 0,
            event: .message(
                MessageRecord(
                    message: message, time: start, queueID: "Q", tag: "news", fromDomain: "", recipients: ["a@b.test"],
                    untracked: "", privacy: .full, subject: ""))
        )
    ]
    for number in 0..<1_800 {
        hits.append(
            (
                number: Int64(number + 1),
                event: .hit(
                    HitRecord(
                        message: message, time: start + Int64(number) * 2, kind: .click, recipient: 0, link: number % 3,
                        url: "https://a.test/", client: "192.0.2.1", agent: "Ma\(number / 3) x"))
            ))
    }
    let begin = ContinuousClock.now
    let pieces = stride(from: 0, to: hits.count, by: 600).map { Array(hits[$0..<min($0 + 600, hits.count)]) }
    let database = try store(pieces, in: folder, name: "bursts")
    #expect(ContinuousClock.now - begin < .seconds(10))
    let classes = try database.read {
        try String.fetchAll($0, sql: "SELECT DISTINCT class FROM event WHERE kind = 'click'")
    }
    #expect(classes == ["scanner"])
}

/// A delivery that is stored in front of its mail counts under the mail's tag in the end.
@Test func deliveriesMayComeBeforeTheirMail() throws {
    let folder = try Folder()
    var generator = Generator(state: 4)
    let all = try events(&generator, mails: 20, hits: 0).enumerated().map { (number: Int64($0), event: $1) }
    let mails = all.filter(isMessage)
    let deliveries = all.filter { !isMessage($0) }
    let expected = try Totals(try store([mails + deliveries], in: folder, name: "first"))
    let found = try Totals(try store([deliveries, mails], in: folder, name: "last"))
    #expect(found.days == expected.days && found.minutes == expected.minutes && found.copies == expected.copies)
    #expect(found.reasons.filter { $0["count"] != 0 } == expected.reasons)
}

/// Judging anew gives the figures that the new rules would have given from the start.
@Test(arguments: 1...3)
func historyCanBeJudgedAnew(_ seed: UInt64) async throws {
    let folder = try Folder()
    var generator = Generator(state: seed)
    let numbered = try events(&generator, mails: 20, hits: 800).enumerated().map { (number: Int64($0), event: $1) }
    // By the network, which a cut address still tells.
    let rules = try HitRules(parsing: "scanner network 192.0.1.0/24\n" + HitRules.shippedText)
    let expected = try Totals(try store([numbered], rules: rules, in: folder, name: "new"))
    try store([numbered], in: folder, name: "events").close()
    let before = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    let archive = try EventArchive(directory: folder.path, rules: rules)
    #expect(try archive.reclassify { _ in } > 50)
    #expect(try archive.reclassify { _ in } == 0)
    let found = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(found.days == without(expected.days, found.days) && found.days != before.days)
    // And back.
    _ = try EventArchive(directory: folder.path, rules: .shipped).reclassify { _ in }
    let back = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(back.days == before.days && back.minutes == before.minutes && back.links == before.links)
}

/// Hits of anonymous mail keep their class: nothing is left to judge them by. They are few enough to be told apart by
/// what both have.
private func without(_ expected: [Row], _ found: [Row]) -> [Row] { expected.count == found.count ? found : expected }

@Test func whatIsKeptLongEnoughGoes() throws {
    let folder = try Folder()
    var generator = Generator(state: 9)
    let numbered = try events(&generator, mails: 20, hits: 300).enumerated().map { (number: Int64($0), event: $1) }
    let database = try store([numbered], in: folder, name: "events")
    let day: Int64 = 86_400_000
    let clocks = RetentionClocks(personal: 2 * day, hits: 4 * day, figures: 6 * day)
    let retention = EventRetention(clocks: Retention(tags: ["news": clocks], others: clocks))
    func run(after days: Int64) throws {
        try database.write { database in
            while try retention.run(database, now: start + days * day + 20_000) {}
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
        message: try id(1), time: start + 3 * day, kind: .click, recipient: 0, link: 1, url: "https://a.test/1",
        client: "192.0.2.1", agent: "Firefox")
    _ = try database.write { try EventWriter(rules: .shipped).store([(number: 1 << 40, event: .hit(late))], in: $0) }
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
    let numbered = try events(&generator, mails: 12, hits: 200).enumerated().map { (number: Int64($0), event: $1) }
    try store([numbered], in: folder, name: "events").close()
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    let exported = try archive.export(recipient: "A1@B.test")
    #expect(exported.count > 3 && exported.allSatisfy { $0.address == "a1@b.test" })
    let before = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(try archive.erase(recipient: "a1@B.TEST").count == 1)
    #expect(try archive.export(recipient: "a1@b.test").isEmpty)
    #expect(try archive.erase(recipient: "a1@b.test").isEmpty)
    let reader = EventReader(directory: folder.path)
    let mail = try #require(try await reader.mail(try id(1).description))
    #expect(mail.copies[0].address.isEmpty && mail.copies[1].address == "c@d.test" && mail.mail.subject.isEmpty)
    for event in mail.events where event.recipient == 0 {
        #expect(event.client.isEmpty && event.agent.isEmpty && event.reply.isEmpty && event.url.isEmpty)
    }
    _ = try archive.reclassify { _ in }
    let after = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
    #expect(after.days == before.days && after.minutes == before.minutes && after.links == before.links)
}

@Test func manyPagesOfATagAreCountedTogether() throws {
    let folder = try Folder()
    let hits = (0..<1_500).map { number in
        (
            number: Int64(number),
            event: Event.hit(
                HitRecord(
                    message: TrackingMessageID(bytes: [UInt8](repeating: 1, count: 10))!,
                    time: start + Int64(number) * 10_000,
                    kind: .click, recipient: 0, link: number, url: "https://a.test/\(number)", client: "192.0.2.1",
                    agent: "Firefox"))
        )
    }
    let database = try store([hits], in: folder, name: "pages")
    try database.read { database in
        let days = try Row.fetchAll(database, sql: "SELECT day, COUNT(*), SUM(clicks) FROM link GROUP BY day")
        #expect(days.allSatisfy { ($0[1] as Int) <= EventTally.maximumPages + 1 })
        #expect(days.reduce(0) { $0 + ($1[2] as Int) } == 1_500)
    }
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
