import Testing
import Tracking

@testable import StorageSQLite
@testable import TrackingEvents

// Each law by hand, over each store; times are milliseconds after the mail.

private let minute: Int64 = 60_000

private func mail(_ privacy: Privacy = .full, tag: String = "news") throws -> Event {
    .message(
        MessageRecord(
            message: try messageID(1), time: firstTime, queueID: "Q1", tag: tag, fromDomain: "x.test",
            recipients: privacy == .anonymous ? [] : ["a@b.test"], untracked: "", privacy: privacy, subject: ""))
}

private func sent(_ time: Int64) throws -> Event {
    .delivery(
        DeliveryRecord(
            message: try messageID(1), time: firstTime + time, recipient: 0, status: "sent", upstream: "u", reply: "r",
            passedThrough: "", isTracked: true, links: ["tracked": 3]))
}

private func hit(
    _ time: Int64, link: Int? = nil, client: String = "192.0.2.1", agent: String = "Firefox/1", purpose: String = ""
) throws -> Event {
    .hit(
        HitRecord(
            message: try messageID(1), time: firstTime + time, kind: link == nil ? .open : .click, recipient: 0,
            link: link, url: link.map { "https://a.test/\($0)?u=1" } ?? "", client: client, agent: agent,
            purpose: purpose))
}

/// Stores each event in a transaction of its own.
private func stored(_ kind: EventStoreKind, _ events: [Event]) throws -> Totals {
    try totals(kind, numbered(events).map { [$0] })
}

extension Totals {
    fileprivate subscript(_ figure: Figure, minute time: Int64) -> Int64 {
        figures[EventTally.Bucket(isDay: false, number: (firstTime + time) / 60_000, tag: "news")]?[figure] ?? 0
    }
    fileprivate var bases: [HitBasis] { hits.sorted { $0.key < $1.key }.map(\.value.verdict.basis) }
    fileprivate var classes: [HitClass] { hits.sorted { $0.key < $1.key }.map(\.value.verdict.hitClass) }
}

@Test(arguments: EventStoreKind.allCases)
func uniqueIsOncePerCopy(_ kind: EventStoreKind) throws {
    let found = try stored(
        kind,
        [
            try mail(), try sent(100), try hit(5 * minute), try hit(6 * minute), try hit(7 * minute, link: 1),
            try hit(66 * minute, link: 1), try hit(67 * minute, link: 1), try hit(68 * minute, link: 2),
        ])
    #expect(found[.opens] == 2 && found[.uniqueOpens] == 1 && found[.inferredOpens] == 0)
    // The second on the same link came within the hour.
    #expect(found[.clicks] == 3 && found[.uniqueClicks] == 1 && found[.human] == 6)
    #expect(found[.copies] == 1 && found[.copiesOpened] == 1 && found[.copiesClicked] == 1)
    #expect(found[.uniqueOpens, minute: 5 * minute] == 1 && found[.uniqueClicks, minute: 7 * minute] == 1)
    #expect(found.pages.mapValues(\.unique).values.sorted() == [1, 1])
    #expect(found.pages.mapValues(\.count).values.sorted() == [1, 2])
}

@Test(arguments: EventStoreKind.allCases)
func aClickWithoutAPixelImpliesAnOpen(_ kind: EventStoreKind) throws {
    let found = try stored(kind, [try mail(), try sent(100), try hit(5 * minute, link: 1), try hit(6 * minute)])
    #expect(found[.opens] == 2 && found[.uniqueOpens] == 1 && found[.inferredOpens] == 1)
    #expect(found[.uniqueOpens, minute: 5 * minute] == 1)
}

/// The click that makes a burst turns those in front of it, which had been counted, and no other's.
@Test(arguments: EventStoreKind.allCases)
func aBurstTurnsWhatHadBeenCounted(_ kind: EventStoreKind) throws {
    let first = [try mail(), try sent(100), try hit(5 * minute, link: 1), try hit(5 * minute + 2_000, link: 2)]
    let before = try stored(kind, first)
    #expect(before[.clicks] == 2 && before.classes == [.human, .human])
    let another = try hit(5 * minute + 2_500, link: 1, agent: "Chrome/1")
    let third = try hit(5 * minute + 5_000, link: 3)
    let found = try stored(kind, first + [another, third, try hit(5 * minute + 6_000, link: 1)])
    #expect(found.bases == [.burst, .burst, .nothing, .burst, .burst])
    #expect(found[.scanner] == 4 && found[.clicks] == 1 && found[.uniqueClicks] == 1 && found[.inferredOpens] == 1)
    #expect(try stored(kind, first + [another, try hit(5 * minute + 5_001, link: 3)])[.scanner] == 0)
}

/// The delivery is stored behind the hits that it speaks against, as the journal has it where a filter is faster.
@Test(arguments: EventStoreKind.allCases)
func hitsAroundThe250AreAMachines(_ kind: EventStoreKind) throws {
    let hits = [try hit(9_000), try hit(11_999, link: 1), try hit(12_000, link: 2)]
    let found = try stored(kind, [try mail()] + hits + [try sent(10_000)])
    #expect(found.bases == [.delivery, .delivery, .nothing])
    #expect(found[.scanner] == 2 && found[.uniqueOpens] == 1 && found[.inferredOpens] == 1 && found[.clicks] == 1)
    #expect(try stored(kind, [try mail(), try sent(10_000)] + hits).figures == found.figures)
    // A later attempt for the same copy does not move it.
    #expect(try stored(kind, [try mail(), try sent(10_000)] + hits + [try sent(11_000)])[.scanner] == 2)
    // An earlier one that is stored late does.
    let early = try stored(kind, [try mail(), try sent(10_000)] + hits + [try sent(1_000)])
    #expect(early[.scanner] == 0 && early[.copies] == 1 && early[.copies, minute: 1_000] == 1)
}

@Test(arguments: EventStoreKind.allCases)
func whatABrowserLoadsAheadIsNoOpen(_ kind: EventStoreKind) throws {
    let found = try stored(
        kind, [try mail(), try sent(100), try hit(5 * minute, purpose: "prefetch"), try hit(6 * minute, link: 1)])
    #expect(found.classes == [.prefetch, .human] && found[.prefetch] == 1)
    #expect(found[.opens] == 1 && found[.inferredOpens] == 1 && found[.copiesOpened] == 1)
}

/// A hit that is stored late takes the first place from the one that had it.
@Test(arguments: EventStoreKind.allCases)
func aLateHitReopensItsCopy(_ kind: EventStoreKind) throws {
    let (early, late) = (try hit(5 * minute, link: 1), try hit(20 * minute, link: 1))
    let found = try stored(kind, [try mail(), try sent(100), late, early])
    #expect(found[.uniqueClicks, minute: 5 * minute] == 1 && found[.uniqueClicks, minute: 20 * minute] == 0)
    #expect(found[.clicks] == 1 && found[.human] == 2)
    #expect(found.figures == (try stored(kind, [try mail(), try sent(100), early, late])).figures)
}

/// What came before its mail moves under its tag and its policy.
@Test(arguments: EventStoreKind.allCases)
func whatCameBeforeItsMailIsAdopted(_ kind: EventStoreKind) throws {
    let others = [try sent(100), try hit(5 * minute, client: "192.0.2.77"), try hit(6 * minute, link: 1)]
    let before = try stored(kind, others)
    #expect(before[.opens] == 1 && before.figures.keys.allSatisfy { $0.tag.isEmpty })
    let found = try stored(kind, others + [try mail(.pseudonymous)])
    #expect(found.figures.keys.allSatisfy { $0.tag == "news" } && found.pages.keys.allSatisfy { $0.tag == "news" })
    #expect(found.reasons.keys.allSatisfy { $0.tag == "news" })
    #expect(found[.uniqueOpens] == 1 && found[.uniqueClicks] == 1 && found[.copies] == 1)
    // A policy that keeps nothing: what had been kept goes, and nobody is unique.
    let nobodys = try stored(kind, others + [try mail(.anonymous)])
    #expect(nobodys[.opens] == 1 && nobodys[.clicks] == 1 && nobodys[.uniqueOpens] == 0 && nobodys[.copies] == 0)
    #expect(nobodys.copies.isEmpty)
    #expect(
        nobodys.hits.values.allSatisfy {
            $0.recipient == nil && $0.client.isEmpty && $0.agent.isEmpty && !$0.url.contains("?")
        })
}

/// A copy that tells of nobody any more takes no hit, and its figures stay.
@Test(arguments: EventStoreKind.allCases)
func whatIsErasedStaysErased(_ kind: EventStoreKind) throws {
    let store = try kind.make(in: try Folder())
    let events = numbered([try mail(), try sent(100), try hit(5 * minute, link: 1), try hit(9 * minute, link: 1)])
    try store.store([Array(events.prefix(3))], with: HitAccounts(rules: .shipped))
    let before = try store.totals()
    try store.erase(try messageID(1))
    #expect(try store.reclassify(by: HitRules(parsing: "scanner agent *")) == 0)
    #expect(try store.totals().figures == before.figures)
    try store.store([Array(events.suffix(1))], with: HitAccounts(rules: .shipped))
    let found = try store.totals()
    #expect(found.hits[3]?.recipient == nil && found.hits[3]?.client == "" && found.hits[3]?.url == "https://a.test/1")
    #expect(found[.clicks] == 2 && found[.uniqueClicks] == 1)
}

/// Judging anew leaves what a fresh store has that judged the same hits by the new rules, to the minute; and back.
@Test(
    arguments: EventStoreKind.allCases,
    [
        "scanner network 192.0.1.0/24\n" + HitRules.shippedText,
        HitRules.shippedText.replacing("scanner burst 3 5s", with: "scanner burst 2 60s"),
        HitRules.shippedText.replacing("scanner after-250 2s", with: "scanner after-250 9s"),
        HitRules.shippedText.replacing("scanner burst 3 5s", with: "").replacing("scanner after-250 2s", with: ""),
    ])
func judgingAnewIsAFreshStore(_ kind: EventStoreKind, _ text: String) throws {
    #expect(text != HitRules.shippedText)
    let rules = try HitRules(parsing: text)
    var generator = Generator(state: 3)
    // What is kept of nobody's hits cannot be judged anew.
    let all = numbered(
        try generatedEvents(&generator, mails: 20, hits: 900).filter {
            if case .hit(let hit) = $0 { !hit.isPrivate } else { true }
        }.map { event in
            guard case .message(var record) = event else { return event }
            if record.privacy == .anonymous { record.privacy = .full }
            return .message(record)
        })
    let (before, fresh) = (try totals(kind, [all]), try totals(kind, [all], rules: rules))
    let store = try kind.make(in: try Folder())
    try store.store([all], with: HitAccounts(rules: .shipped))
    #expect(try store.reclassify(by: rules) > 5)
    let found = try store.totals()
    #expect(found.hits.filter { $0.value != fresh.hits[$0.key] } == [:])
    #expect(found.copies.filter { $0.value != fresh.copies[$0.key] } == [:])
    #expect(found.minutes == fresh.minutes && found.days == fresh.days && found.pages == fresh.pages)
    #expect(found == fresh && found.minutes != before.minutes)
    #expect(try store.reclassify(by: rules) == 0)
    #expect(try store.reclassify(by: .shipped) > 5)
    #expect(try store.totals() == before)
}

/// All stores say the same to the last row, whatever the groups, the order and the restarts.
@Test(arguments: 1...3)
func allStoresSayTheSame(_ seed: UInt64) throws {
    let found = try EventStoreKind.allCases.map { kind in
        var generator = Generator(state: seed)
        let all = numbered(try generatedEvents(&generator, mails: 15, hits: 400)).shuffled(using: &generator)
        let store = try kind.make(in: try Folder())
        var accounts = HitAccounts(rules: .shipped)
        var rest = (all + all.prefix(100))[...]
        while !rest.isEmpty {
            let group = Array(rest.prefix(Int.random(in: 1..<60, using: &generator)))
            rest = rest.dropFirst(group.count)
            if Int.random(in: 0..<4, using: &generator) == 0 { accounts = HitAccounts(rules: .shipped) }
            try store.store([group], with: accounts)
        }
        let stored = try store.totals()
        _ = try store.reclassify(by: try HitRules(parsing: "scanner network 192.0.1.0/24\n" + HitRules.shippedText))
        return [stored, try store.totals()]
    }
    #expect(found[0][0].hits.count == 400 && found[0][0] != found[0][1])
    for other in found.dropFirst() { #expect(other == found[0]) }
}
