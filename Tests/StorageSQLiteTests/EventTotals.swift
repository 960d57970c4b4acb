import Foundation
import GRDB
import Tracking

@testable import StorageSQLite
@testable import TrackingEvents

/// A stored hit as far as the law has a say in it.
struct HitRow: Equatable {
    var message: TrackingMessageID
    var recipient: Int?
    var verdict: HitVerdict
    var said: HitVerdict?
    var client: String
    var agent: String
    var url: String
    var day: Int64
    var count: HitCount
}

/// A copy's accounts, and what stands with them.
struct CopyRow: Equatable {
    var account = CopyAccount()
    var address = ""
    var status = ""
}

/// Everything that one store has derived; what is 0 is left out.
struct Totals: Equatable {
    var figures: [EventTally.Bucket: Figures] = [:]
    var pages: [EventTally.Page: EventTally.Clicks] = [:]
    var reasons: [EventTally.Reason: Int64] = [:]
    var copies: [CopyKey: CopyRow] = [:]
    /// By number.
    var hits: [Int64: HitRow] = [:]

    private struct Unreadable: Error {}

    init() {}

    init(_ database: DatabaseQueue) throws {
        func message(_ data: Data) throws -> TrackingMessageID {
            guard let id = TrackingMessageID(bytes: Array(data)) else { throw Unreadable() }
            return id
        }
        self = try database.read { database in
            var totals = Totals()
            for table in ["minute", "day"] {
                let columns = Figure.allCases.map(\.rawValue).joined(separator: ", ")
                for row in try Row.fetchAll(database, sql: "SELECT bucket, tag, \(columns) FROM \(table)") {
                    let bucket = EventTally.Bucket(isDay: table == "day", number: row[0], tag: row[1])
                    totals.figures[bucket] = Figures(counts: Figure.allCases.indices.map { row[$0 + 2] })
                }
            }
            for row in try Row.fetchAll(database, sql: "SELECT tag, day, page, clicks, unique_clicks FROM link") {
                let page = EventTally.Page(tag: row[0], day: row[1], page: row[2])
                totals.pages[page] = EventTally.Clicks(count: row[3], unique: row[4])
            }
            for row in try Row.fetchAll(database, sql: "SELECT tag, day, kind, reason, count FROM reason") {
                totals.reasons[EventTally.Reason(tag: row[0], day: row[1], kind: row[2], reason: row[3])] = row[4]
            }
            for row in try Row.fetchAll(database, sql: "SELECT message, recipient, address, status FROM copy") {
                let key = CopyKey(message: try message(row[0]), recipient: row[1])
                let account = try SQLiteEventTransaction(database).copy(key) ?? CopyAccount()
                totals.copies[key] = CopyRow(account: account, address: row[2], status: row[3])
            }
            for row in try Row.fetchAll(
                database,
                sql: """
                    SELECT number, message, recipient, class, evidence, basis, said, client, agent, url, day, counted
                    FROM event WHERE kind <> 'delivery'
                    """)
            {
                totals.hits[row[0]] = HitRow(
                    message: try message(row[1]), recipient: row[2],
                    verdict: HitVerdict(
                        HitClass(rawValue: row[3]) ?? .human, row[4], HitBasis(rawValue: row[5]) ?? .line),
                    said: HitVerdict(said: row[6]), client: row[7], agent: row[8], url: row[9], day: row[10],
                    count: HitCount(rawValue: row[11]))
            }
            return totals.withoutZeros
        }
    }

    var withoutZeros: Totals {
        var totals = self
        totals.figures = figures.filter { !$0.value.isZero }
        totals.pages = pages.filter { $0.value != EventTally.Clicks() }
        totals.reasons = reasons.filter { $0.value != 0 }
        return totals
    }

    var minutes: [EventTally.Bucket: Figures] { figures.filter { !$0.key.isDay } }
    var days: [EventTally.Bucket: Figures] { figures.filter(\.key.isDay) }
    var verdicts: [Int64: HitVerdict] { hits.mapValues(\.verdict) }

    /// A figure over all minutes, which is that of all days, too.
    subscript(_ figure: Figure) -> Int64 { minutes.values.reduce(0) { $0 + $1[figure] } }
}
