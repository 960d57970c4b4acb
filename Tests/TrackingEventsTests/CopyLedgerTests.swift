import Testing

@testable import TrackingEvents

private func hit(_ time: Int64, link: Int? = nil, source: String = "s", _ hitClass: HitClass = .human) -> CountedHit {
    CountedHit(
        time: time, link: link, url: link == nil ? "" : "https://a.test/p?x=\(time)#f", source: source,
        hitClass: hitClass)
}

private func total(_ changes: [FigureChange]) -> [Figure: Int] {
    changes.reduce(into: [:]) { $0[$1.figure, default: 0] += 1 }
}

private let minute: Int64 = 60_000

@Test func aCopyIsOpenedOnce() {
    var ledger = CopyLedger()
    var changes = ledger.deliver(at: 10)
    changes += ledger.deliver(at: 20)
    changes += ledger.take(hit(30, .privacy)).figures
    changes += ledger.take(hit(40)).figures
    changes += ledger.take(hit(50)).figures
    #expect(
        total(changes) == [.copies: 1, .privacy: 1, .human: 2, .opens: 2, .uniqueOpens: 1, .copiesOpened: 1])
    #expect(ledger.opened == 40 && !ledger.isOpenInferred)
    // The rate belongs to the time of delivery, the open to its own.
    #expect(changes.contains(FigureChange(.copiesOpened, at: 10)))
    #expect(changes.contains(FigureChange(.uniqueOpens, at: 40)))
}

@Test func aClickImpliesAnOpen() {
    var ledger = CopyLedger()
    let click = ledger.take(hit(5, link: 1))
    #expect(
        total(click.figures) == [.human: 1, .clicks: 1, .uniqueClicks: 1, .uniqueOpens: 1, .inferredOpens: 1])
    #expect(click.link == LinkChange(time: 5, page: "https://a.test/p", isFirst: true))
    // Delivered behind its first hit, as a filter in front of the 250 makes it: counted all the same.
    #expect(total(ledger.deliver(at: 9)) == [.copies: 1, .copiesOpened: 1, .copiesClicked: 1])
}

@Test func sameLinkAndSourceCountOncePerHour() {
    var ledger = CopyLedger()
    func clicks(_ time: Int64, link: Int, source: String = "s") -> Int {
        total(ledger.take(hit(time, link: link, source: source)).figures)[.clicks] ?? 0
    }
    #expect(clicks(0, link: 1) == 1)
    #expect(clicks(59 * minute, link: 1) == 0)
    // The pause runs from the click that was counted.
    #expect(clicks(60 * minute, link: 1) == 1)
    #expect(clicks(61 * minute, link: 2) == 1)
    #expect(clicks(61 * minute, link: 1, source: "t") == 1)
    // Who cannot be told from others is counted each time.
    #expect(clicks(62 * minute, link: 1, source: "") == 1)
    #expect(clicks(62 * minute, link: 1, source: "") == 1)
}

@Test func aStoredCopyGoesOnWhereItWas() {
    var whole = CopyLedger()
    _ = whole.deliver(at: 1)
    let hits = [hit(2), hit(3, link: 1), hit(4, link: 2, source: "t"), hit(5, link: 1, .scanner)]
    for one in hits { _ = whole.take(one) }
    var restored = CopyLedger(
        delivered: whole.delivered, opened: whole.opened, isOpenInferred: whole.isOpenInferred, clicked: whole.clicked,
        lastHit: whole.lastHit)
    for one in hits { restored.remember(one) }
    #expect(restored == whole)
    #expect(restored.take(hit(6, link: 1)) == whole.take(hit(6, link: 1)))
}

@Test func manySourcesDoNotGrowALedgerWithoutBound() {
    var ledger = CopyLedger()
    for number in 0..<20_000 { _ = ledger.take(hit(Int64(number), link: 1, source: "source \(number)")) }
    #expect(total(ledger.take(hit(20_000, link: 1, source: "another")).figures)[.clicks] == 1)
}

@Test func whoIsNotKeptIsCountedAndNotUnique() {
    #expect(total(CopyLedger.anonymous(hit(1)).figures) == [.human: 1, .opens: 1])
    #expect(total(CopyLedger.anonymous(hit(1, link: 1, .proxy)).figures) == [.proxy: 1, .clicks: 1])
    #expect(total(CopyLedger.anonymous(hit(1, link: 1, .scanner)).figures) == [.scanner: 1])
}

@Test(arguments: ["1970-01-02", "2024-02-29", "2026-11-24", "2999-12-30"])
func daysComeBack(_ text: String) throws {
    let day = try #require(LocalTime.day(text))
    #expect(LocalTime.string(day: day) == text)
    #expect(LocalTime.day(of: LocalTime.start(of: day)) == day)
    #expect(LocalTime.day(LocalTime.day(day, plus: 1), plus: -1) == day)
}

@Test(arguments: ["2026-02-30", "2026-13-01", "20261124", "2026-1-1", "", "2026-11-2x", "0000-00-00", "9999-99-99"])
func whatIsNoDayIsNone(_ text: String) { #expect(LocalTime.day(text) == nil) }
