import Foundation
import Testing
import Tracking

@testable import StorageSQLite
@testable import TrackingEvents

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

/// The figures of a small world as the oracle of Tests/Interop/figures counts them, which knows only the definitions.
private struct Recount: Decodable {
    var rules: String
    /// Tag, quarter of an hour, figure, count.
    var quarters: [[Cell]]
    /// Tag, day, page, clicks, unique clicks.
    var pages: [[Cell]]
    /// Tag, day, reason, count.
    var reasons: [[Cell]]
    /// Number of a hit, class.
    var classes: [[Cell]]

    static func all() throws -> [Recount] {
        try JSONDecoder().decode(
            [Recount].self, from: try Data(contentsOf: fixtures.appendingPathComponent("recount.json")))
    }
}

private enum Cell: Decodable, Hashable {
    case number(Int64)
    case text(String)

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Int64.self) {
            self = .number(number)
        } else {
            self = .text(try value.decode(String.self))
        }
    }
}

extension Totals {
    fileprivate var quarters: Set<[Cell]> {
        var sums: [[Cell]: Int64] = [:]
        for (bucket, figures) in minutes {
            for figure in Figure.allCases where figures[figure] != 0 {
                sums[[.text(bucket.tag), .number(bucket.number / 15), .text(figure.rawValue)], default: 0] +=
                    figures[figure]
            }
        }
        return Set(sums.filter { $0.value != 0 }.map { $0.key + [.number($0.value)] })
    }

    fileprivate var pageCells: Set<[Cell]> {
        Set(
            pages.map {
                [.text($0.tag), .number($0.day), .text($0.page), .number($1.count), .number($1.unique)]
            })
    }

    fileprivate var reasonCells: Set<[Cell]> {
        Set(reasons.map { [.text($0.tag), .number($0.day), .text($0.reason), .number($1)] })
    }

    fileprivate var classes: Set<[Cell]> {
        Set(hits.map { [.number($0.key), .text($0.value.verdict.hitClass.rawValue)] })
    }
}

private func check(_ found: Totals, _ recount: Recount) {
    #expect(recount.quarters.count > 300 && found.quarters == Set(recount.quarters))
    #expect(recount.pages.count > 100 && found.pageCells == Set(recount.pages))
    #expect(recount.reasons.count > 30 && found.reasonCells == Set(recount.reasons))
    #expect(recount.classes.count > 500 && found.classes == Set(recount.classes))
}

/// The journals hold late mails, late hits and repeated lines; they are stored in groups, with restarts, and judged anew.
@Test(arguments: EventStoreKind.allCases)
func eachStoreCountsWhatTheDefinitionsSay(_ kind: EventStoreKind) throws {
    let recounts = try Recount.all()
    let journal = try EventJournal(reading: fixtures.appendingPathComponent("recount.journal").path)
    var events: [(number: Int64, event: Event)] = []
    var offset = 0
    while offset < journal.octets {
        let piece = try journal.events(from: offset)
        #expect(piece.damaged == 0)
        events += piece.events
        offset = piece.end
    }
    // The oracle's clock showed UTC.
    let calendar = LocalTime(offset: 0)
    let rules = try HitRules(parsing: recounts[0].rules)
    let store = try kind.make(in: try Folder())
    for start in stride(from: 0, to: events.count, by: 97) {
        let group = Array(events[start..<min(start + 97, events.count)])
        try store.store([group], with: HitAccounts(rules: rules, calendar: calendar))
    }
    check(try store.totals(), recounts[0])
    let changed = try HitRules(parsing: recounts[1].rules)
    #expect(try store.reclassify(by: changed, calendar: calendar) > 15)
    check(try store.totals(), recounts[1])
    #expect(try store.reclassify(by: rules, calendar: calendar) > 15)
    check(try store.totals(), recounts[0])
}
