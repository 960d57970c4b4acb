import Testing

@testable import TrackingEvents

private func hit(_ time: Int64, link: Int? = nil, source: String = "s", _ hitClass: HitClass = .human) -> CountedHit {
    CountedHit(
        moment: at(time), link: link, url: link == nil ? "" : "https://a.test/p?x=\(time)#f", source: source,
        hitClass: hitClass)
}

private func at(_ time: Int64) -> Moment { Moment(time: time, day: 20_261_124) }

private func total(_ changes: [FigureChange]) -> [Figure: Int] {
    changes.reduce(into: [:]) { $0[$1.figure, default: 0] += 1 }
}

private let minute: Int64 = 60_000

@Test func aCopyIsOpenedOnce() {
    var ledger = CopyLedger()
    var changes = ledger.deliver(at: at(10))
    changes += ledger.deliver(at: at(20))
    changes += ledger.take(hit(30, .privacy)).changes.figures
    changes += ledger.take(hit(40)).changes.figures
    changes += ledger.take(hit(50)).changes.figures
    #expect(
        total(changes) == [.copies: 1, .privacy: 1, .human: 2, .opens: 2, .uniqueOpens: 1, .copiesOpened: 1])
    #expect(ledger.opened == 40 && !ledger.isOpenInferred)
    // The rate belongs to the time of delivery, the open to its own.
    #expect(changes.contains(FigureChange(.copiesOpened, at: at(10))))
    #expect(changes.contains(FigureChange(.uniqueOpens, at: at(40))))
}

@Test func aClickImpliesAnOpen() {
    var ledger = CopyLedger()
    let click = ledger.take(hit(5, link: 1)).changes
    #expect(
        total(click.figures)
            == [.human: 1, .opens: 1, .clicks: 1, .uniqueClicks: 1, .uniqueOpens: 1, .inferredOpens: 1])
    #expect(click.link == LinkChange(moment: at(5), page: "https://a.test/p", isFirst: true))
    // Delivered behind its first hit, as a filter in front of the 250 makes it: counted all the same.
    #expect(total(ledger.deliver(at: at(9))) == [.copies: 1, .copiesOpened: 1, .copiesClicked: 1])
}

@Test func sameLinkAndSourceCountOncePerHour() {
    var ledger = CopyLedger()
    func clicks(_ time: Int64, link: Int, source: String = "s") -> Int {
        total(ledger.take(hit(time, link: link, source: source)).changes.figures)[.clicks] ?? 0
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
    _ = whole.deliver(at: at(1))
    let hits = [hit(2), hit(3, link: 1), hit(4, link: 2, source: "t"), hit(5, link: 1, .scanner)]
    let counts = hits.map { whole.take($0).count }
    var restored = CopyLedger(
        delivered: whole.delivered, opened: whole.opened, isOpenInferred: whole.isOpenInferred, clicked: whole.clicked,
        lastHit: whole.lastHit)
    for (one, count) in zip(hits, counts) { restored.remember(one, count) }
    #expect(restored == whole)
    #expect(restored.take(hit(6, link: 1)) == whole.take(hit(6, link: 1)))
}

@Test func manySourcesDoNotGrowALedgerWithoutBound() {
    var ledger = CopyLedger()
    for number in 0..<20_000 { _ = ledger.take(hit(Int64(number), link: 1, source: "source \(number)")) }
    #expect(total(ledger.take(hit(20_000, link: 1, source: "another")).changes.figures)[.clicks] == 1)
}

@Test func whoIsNotKeptIsCountedAndNotUnique() {
    func figures(_ hit: CountedHit) -> [Figure: Int] { total(HitCount.anonymous(hit).changes(of: hit).figures) }
    #expect(figures(hit(1)) == [.human: 1, .opens: 1])
    #expect(figures(hit(1, link: 1, .proxy)) == [.proxy: 1, .clicks: 1])
    #expect(figures(hit(1, link: 1, .scanner)) == [.scanner: 1])
}

/// Beyond what is told apart each click counts, until the oldest is an hour old; what is remembered is kept with the hits,
/// so that a copy that was read again goes on in the same way at every point.
@Test func aFullLedgerGoesOnWhereItWas() {
    var whole = CopyLedger()
    var hits: [(hit: CountedHit, count: HitCount)] = []
    func restored() -> CopyLedger {
        var ledger = CopyLedger(
            delivered: nil, opened: whole.opened, isOpenInferred: whole.isOpenInferred, clicked: whole.clicked,
            lastHit: whole.lastHit)
        let since = (whole.lastHit ?? 0) - CopyLedger.clickPause
        for (hit, count) in hits {
            let isRecent = hit.moment.time > since
            ledger.remember(hit, isRecent ? count : count.intersection(.firstOnPage))
        }
        return ledger
    }
    let step = 3 * CopyLedger.clickPause / Int64(3 * CopyLedger.maximumClicks)
    for number in 0..<(3 * CopyLedger.maximumClicks) {
        // Each third is a repetition, some within the hour and some not.
        let source = number % 3 == 2 ? (number - Int(number % 5_000)) / 2 : number
        let next = hit(Int64(number) * step / 2, link: 1, source: "source \(source)")
        if number % 1_000 == 999 || (4_000...4_200).contains(number) && number % 20 == 0 {
            var other = restored()
            var copy = whole
            for offset in 0..<30 {
                let probe = hit(next.moment.time + Int64(offset), link: 1, source: "source \(source - offset * 7)")
                #expect(other.take(probe) == copy.take(probe), "\(number), \(offset)")
            }
        }
        hits.append((next, whole.take(next).count))
    }
    #expect(hits.contains { $0.count == .click } && hits.contains { $0.count == [] })
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
