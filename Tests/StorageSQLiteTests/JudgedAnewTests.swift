import GRDB
import Testing
import Tracking

@testable import StorageSQLite
@testable import TrackingEvents

/// Rules whose difference what is kept still tells, in whatever order a file has its lines.
private func rules(_ number: Int) throws -> HitRules {
    let shipped = HitRules.shippedText.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let network = "scanner network 192.0.1.0/24"
    let lines: [String] =
        switch number {
        case 0: shipped
        case 1: [network] + shipped
        case 2: shipped + [network]
        case 3: shipped.flatMap { $0.hasPrefix("privacy agent") ? [network, $0] : [$0] }
        case 4: shipped.filter { !$0.contains(" burst ") }
        case 5: shipped.map { $0.contains(" burst ") ? "scanner burst 2 60s" : $0 }
        case 6: shipped.map { $0.contains(" after-250 ") ? "scanner after-250 30s" : $0 }
        case 9: shipped.map { $0 == "scanner agent curl/*" ? "human agent curl/*" : $0 }
        case 7: shipped.filter { !$0.contains(" after-250 ") && !$0.hasPrefix("head ") }
        default: shipped.filter { !$0.contains("scanner purpose") } + ["human network 192.0.2.0/24"]
        }
    return try HitRules(parsing: lines.joined(separator: "\n"))
}

/// Figures, classes and copies are those of a store that never knew other rules, to whichever rules one goes, and
/// whatever the order and the groups in which the events came.
@Test(arguments: 1...8)
func judgedAnewIsAsIfJudgedSoFromTheStart(_ seed: UInt64) async throws {
    let folder = try Folder()
    var generator = Generator(state: seed)
    // Nothing is left to judge nobody's hits by: they keep their class.
    let all = try generatedEvents(&generator, mails: 16, hits: 700).enumerated().map {
        (number: Int64($0), event: $1)
    }
    .filter { entry in
        switch entry.event {
        case .message(let record): record.privacy != .anonymous
        case .delivery(let record): try !isAnonymous(record.message)
        case .hit(let record): try !record.isPrivate && !isAnonymous(record.message)
        }
    }
    var shuffled = all.shuffled(using: &generator)
    shuffled = shuffled.filter(isMail) + shuffled.filter { !isMail($0) }
    var groups: [[(number: Int64, event: Event)]] = []
    while !shuffled.isEmpty {
        let count = Int.random(in: 1..<80, using: &generator)
        groups.append(Array(shuffled.prefix(count)))
        shuffled.removeFirst(min(count, shuffled.count))
    }
    try storedEvents(groups, in: folder, name: "events").close()
    var changed = 0
    // From any of them to any other, and back to the first.
    for number in Array(1...9).shuffled(using: &generator) + [0] {
        let rules = try rules(number)
        changed += try EventArchive(directory: folder.path, rules: rules).reclassify { _ in }
        let fresh = try storedEvents([all], rules: rules, in: folder, name: "fresh\(number)")
        let expected = try Totals(fresh)
        let found = try Totals(try SQLiteFile.open(folder.path + "/events.sqlite", isDurable: false))
        #expect(
            found.hits.mapValues(\.verdict.hitClass) == expected.hits.mapValues(\.verdict.hitClass), "rules \(number)")
        #expect(found.copies == expected.copies, "rules \(number)")
        #expect(found.days == expected.days, "rules \(number)")
        #expect(found.minutes == expected.minutes, "rules \(number)")
        #expect(found.pages == expected.pages, "rules \(number)")
        #expect(found.reasons == expected.reasons, "rules \(number)")
    }
    #expect(changed > 300)
}

private func isAnonymous(_ message: TrackingMessageID) throws -> Bool {
    try (0..<16).contains { try $0 % 4 == 3 && messageID($0) == message }
}

private func isMail(_ entry: (number: Int64, event: Event)) -> Bool {
    if case .message = entry.event { true } else { false }
}
