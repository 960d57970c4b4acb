import Foundation
import GRDB
import Synchronization
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

private func known() throws -> TrackingMessageID { try messageID(3) }

private func accepted(_ privacy: Privacy = .full, isShared: Bool = false) throws -> Event {
    .message(
        MessageRecord(
            message: try known(), time: firstTime, queueID: "Q3", tag: "news", fromDomain: "x.test",
            recipients: ["a@b.test", "c@d.test", "e@f.test"], untracked: "", privacy: privacy, subject: "",
            isShared: isShared))
}

private func sent(_ recipient: Int, after time: Int64, _ status: String = "sent", shared: SharedCopy? = nil) throws
    -> Event
{
    .delivery(
        DeliveryRecord(
            message: try known(), time: firstTime + time, recipient: recipient, status: status, upstream: "u",
            reply: "r", passedThrough: "", isTracked: status == "sent", links: [:], shared: shared))
}

private func click(_ time: Int64, link: Int, source: Int, recipient: Int = 0) throws -> Event {
    .hit(
        HitRecord(
            message: try known(), time: firstTime + time, kind: .click, recipient: recipient, link: link,
            url: "https://a.test/\(link)", client: "192.0.2.1", agent: "Firefox/\(source)"))
}

/// What was counted in one zone is taken back there and nowhere else, whoever judges it anew, and wherever.
@Test(arguments: EventStoreKind.allCases, 1...3)
func anotherTimeZoneMovesNothing(_ kind: EventStoreKind, _ seed: UInt64) throws {
    let folder = try Folder()
    var generator = Generator(state: seed)
    let all = numbered(try generatedEvents(&generator, mails: 20, hits: 600))
    let rules = try HitRules(parsing: "scanner network 192.0.1.0/24\n" + HitRules.shippedText)
    let (east, west) = (LocalTime(offset: 14 * 3_600_000), LocalTime(offset: -11 * 3_600_000))
    #expect(east.day(at: firstTime) != west.day(at: firstTime))
    func totals(_ calendar: LocalTime, name: String) throws -> Totals {
        let store = try kind.make(in: folder, name)
        try store.store([all], with: HitAccounts(rules: .shipped, calendar: east))
        #expect(try store.reclassify(by: rules, calendar: calendar) > 50)
        return try store.totals()
    }
    let expected = try totals(east, name: "east")
    let found = try totals(west, name: "west")
    #expect(found == expected)
    #expect(found.days.values.allSatisfy { $0.counts.allSatisfy { $0 >= 0 } })
}

extension LocalTime {
    fileprivate func day(at time: Int64) -> Int64 {
        var copy = self
        return copy.day(of: time)
    }
}

/// Accounts that know nothing but the store go on exactly where the former ones were, however many hits a copy has.
@Test(arguments: EventStoreKind.allCases)
func aBusyCopyGoesOnAfterEachRestart(_ kind: EventStoreKind) throws {
    var events = [try accepted(), try sent(0, after: 100)]
    for number in 0..<2_400 {
        // Each source comes to each link again and again, within the hour and after it.
        let time = 10_000 + Int64(number) * 9_000
        events.append(try click(time, link: number % 7, source: number / 2 % 50))
    }
    let all = numbered(events)
    let expected = try totals(kind, [all])
    let uniques = expected.pages.values.reduce(0) { $0 + $1.unique }
    #expect(uniques == 7 && expected[.clicks] < 2_400 && expected[.clicks] > 1_000)
    let store = try kind.make(in: try Folder())
    for (place, event) in all.enumerated() where place < 2_300 && place % 100 == 0 || place >= 2_300 {
        let group = place < 2_300 ? Array(all[place..<place + 100]) : [event]
        try store.store([group], with: HitAccounts(rules: .shipped))
    }
    #expect(try store.totals() == expected)
    // And it is what a recount gives.
    #expect(try store.reclassify(by: .shipped) == 0)
    #expect(try store.totals() == expected)
}

@Test(arguments: EventStoreKind.allCases, 1...3)
func aRestartBetweenAnyTwoGroupsChangesNoFigure(_ kind: EventStoreKind, _ seed: UInt64) throws {
    var generator = Generator(state: seed)
    let all = numbered(try generatedEvents(&generator, mails: 12, hits: 500))
    let expected = try totals(kind, [all])
    let store = try kind.make(in: try Folder())
    var rest = all[...]
    while !rest.isEmpty {
        let group = rest.prefix(Int.random(in: 1..<12, using: &generator))
        rest = rest.dropFirst(group.count)
        try store.store([Array(group)], with: HitAccounts(rules: .shipped))
    }
    #expect(try store.totals() == expected)
}

/// Unique never exceeds what it is of, in any bucket.
@Test(arguments: EventStoreKind.allCases, 1...3)
func uniqueNeverExceedsItsTotal(_ kind: EventStoreKind, _ seed: UInt64) throws {
    var generator = Generator(state: seed)
    let found = try totals(kind, [numbered(try generatedEvents(&generator, mails: 30, hits: 800))])
    for figures in found.figures.values {
        #expect(figures[.uniqueOpens] <= figures[.opens] && figures[.inferredOpens] <= figures[.uniqueOpens])
        #expect(figures[.uniqueClicks] <= figures[.clicks])
        #expect(figures[.copiesOpened] <= figures[.copies] && figures[.copiesClicked] <= figures[.copies])
    }
    #expect(found[.inferredOpens] > 5)
    #expect(found.pages.values.allSatisfy { $0.unique <= $0.count })
}

/// A hit is told of once it is stored: a transaction that fails is done again.
@Test(arguments: EventStoreKind.allCases)
func aFailedTransactionTellsOfNoHit(_ kind: EventStoreKind) throws {
    let store = try kind.make(in: try Folder())
    let seen = Mutex(0)
    let accounts = HitAccounts(rules: .shipped) { _, _ in seen.withLock { $0 += 1 } }
    let events = numbered([try accepted(), try click(10_000, link: 1, source: 1)])
    struct Failure: Error {}
    #expect(throws: Failure.self) {
        try store.write { transaction in
            _ = try accounts.store(events, in: transaction)
            throw Failure()
        }
    }
    accounts.forget()
    #expect(try store.store([events], with: accounts) == 2)
    #expect(seen.withLock { $0 } == 1)
    #expect(try store.totals() == totals(kind, [events]))
}

// MARK: Shared copies

/// What was refused for one recipient and taken for another: the copy is judged by its first 250, and is nobody's.
private func sharedEvents() throws -> [Event] {
    let copy = SharedCopy(number: 0, recipients: 3)
    return [
        try accepted(isShared: true), try sent(0, after: 500, "deferred", shared: copy),
        try sent(1, after: 500, shared: copy), try sent(2, after: 500, shared: copy),
        try click(60_000, link: 1, source: 1),
        // The first recipient's turn comes after the click, in a transaction of its own.
        try sent(0, after: 300_000, shared: SharedCopy(number: 0, recipients: 1)),
    ]
}

@Test func aSharedCopyIsNoRecipientsOwn() async throws {
    let folder = try Folder()
    try storedEvents([numbered(try sharedEvents())], in: folder, name: "events").close()
    let reader = EventReader(directory: folder.path)
    let detail = try #require(try await reader.mail("Q3"))
    let hit = try #require(detail.events.first { $0.kind == "click" })
    #expect(hit.result == "human" && hit.address == nil && hit.recipient == nil && hit.sharedBy == 3)
    #expect(hit.who == "one of 3")
    #expect(detail.events.filter { $0.kind == "delivery" }.compactMap(\.address).count == 4)
    let own = detail.copies.filter { $0.sharedBy == nil }
    #expect(own.map(\.address) == ["a@b.test", "c@d.test", "e@f.test"] && own.allSatisfy { $0.status == "sent" })
    #expect(own.allSatisfy { $0.opened == nil && $0.clicked == nil })
    let shared = detail.copies.filter { $0.sharedBy == 3 }
    #expect(shared.count == 1 && shared[0].recipient == nil && shared[0].address.isEmpty)
    #expect(shared[0].clicked == firstTime + 60_000 && shared[0].delivered == firstTime + 500)
    #expect(detail.mail.recipients == 3 && detail.mail.sent == 3 && detail.mail.clicked == 1)
    let figures = try await reader.figures(from: firstTime, to: firstTime + 3_600_000)["news"]
    #expect(figures?[.copies] == 1 && figures?[.clicks] == 1 && figures?[.copiesClicked] == 1)
    let archive = try EventArchive(directory: folder.path, rules: .shipped)
    #expect(try archive.export(recipient: "a@b.test").allSatisfy { $0.kind == "delivery" })
    // She may have been the one who clicked.
    _ = try archive.erase(recipient: "a@b.test")
    let after = try #require(try await reader.mail("Q3"))
    #expect(after.events.filter { $0.kind == "click" }.allSatisfy { $0.client.isEmpty && $0.agent.isEmpty })
}

/// In whatever order its events are stored, before their mail, too.
@Test(arguments: EventStoreKind.allCases, 1...12)
func theOrderOfASharedCopysEventsIsNoMatter(_ kind: EventStoreKind, _ seed: UInt64) throws {
    var generator = Generator(state: seed)
    // Before the mail is known nothing is kept whole.
    var events = numbered(try sharedEvents())
    events[0] = (0, try accepted(.pseudonymous, isShared: true))
    let expected = try totals(kind, [events])
    let shuffled = events.shuffled(using: &generator)
    let found = try totals(kind, seed % 2 == 0 ? [shuffled] : shuffled.map { [$0] })
    #expect(found.minutes == expected.minutes && found.pages == expected.pages && found.hits == expected.hits)
    let clicked = { (totals: Totals) in totals.copies.filter { $0.key.recipient < 0 } }
    #expect(clicked(found) == clicked(expected) && clicked(found).count == 1)
}
