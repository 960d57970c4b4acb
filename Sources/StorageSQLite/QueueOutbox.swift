import Foundation
import GRDB
import MessageQueue

/// What is told of mail, in the table `telling`: a row for each transaction that had something to tell, under the number of
/// its last record. Used by the writer thread only.
struct QueueOutbox {
    /// What was told and acknowledged is forgotten with the next commit, and after this time without one.
    private static let pause = Duration.seconds(5)
    /// Rows read at once when whoever is told could not take all.
    private static let rowsAtOnce = 100

    /// Of the last record that is durable.
    private var last: Int64
    /// Of the last record that was taken.
    private var taken: Int64 = 0
    /// Up to which the rows are gone.
    private var forgotten: Int64 = 0
    /// Up to which they may go.
    private var acknowledged: Int64 = 0
    private var rests = ContinuousClock.now
    private var listener: QueueListener?

    init(_ database: Database) throws {
        last = try Int64.fetchOne(database, sql: "SELECT MAX(number) FROM telling") ?? 0
    }

    // MARK: In a transaction

    /// Writes what a transaction tells, and forgets what was told for good.
    /// - Returns: to be told once it is committed.
    func write(_ records: [[UInt8]], in database: Database) throws -> [QueueNotice] {
        try forget(database)
        guard !records.isEmpty else { return [] }
        let notices = records.enumerated().map { QueueNotice(number: last + Int64($0) + 1, record: $1) }
        try database.cachedStatement(sql: "INSERT INTO telling (number, records) VALUES (?, ?)").execute(arguments: [
            last + Int64(records.count), Data(Self.pack(records)),
        ])
        return notices
    }

    private func forget(_ database: Database) throws {
        guard acknowledged > forgotten else { return }
        try database.cachedStatement(sql: "DELETE FROM telling WHERE number <= ?").execute(arguments: [acknowledged])
    }

    /// - Returns: whether rows have left.
    mutating func committed(_ notices: [QueueNotice]) -> Bool {
        let isForgetting = acknowledged > forgotten
        forgotten = acknowledged
        if isForgetting { rests = .now + Self.pause }
        guard let end = notices.last?.number else { return isForgetting }
        let isInStep = taken == last
        last = end
        if isInStep { _ = hand(notices) }
        return isForgetting
    }

    // MARK: Telling

    /// Whoever is told has the records up to `number` for good.
    mutating func acknowledge(upTo number: Int64) { acknowledged = max(acknowledged, min(number, taken)) }

    /// Whether rows should leave though nobody commits.
    var isFull: Bool { acknowledged > forgotten && ContinuousClock.now >= rests }

    var hasToForget: Bool { acknowledged > forgotten }

    mutating func begin(_ listener: @escaping QueueListener) { self.listener = listener }

    /// Tells what could not be told so far.
    /// - Returns: numbers of rows that cannot be read; nobody is told what stood in them.
    mutating func catchUp(_ database: DatabaseQueue) throws -> [Int64] {
        var damaged: [Int64] = []
        while listener != nil, taken < last {
            let rows = try database.read { [taken] database in
                try Row.fetchAll(
                    database, sql: "SELECT number, records FROM telling WHERE number > ? ORDER BY number LIMIT ?",
                    arguments: [taken, Self.rowsAtOnce])
            }
            guard !rows.isEmpty else {
                taken = last
                break
            }
            for row in rows {
                let end: Int64 = row["number"]
                guard case .blob(let blob) = (row["records"] as DatabaseValue).storage,
                    let records = Self.unpack(Array(blob))
                else {
                    damaged.append(end)
                    taken = end
                    continue
                }
                let first = end - Int64(records.count) + 1
                let notices = records.enumerated().map { QueueNotice(number: first + Int64($0), record: $1) }
                guard hand(notices.filter { $0.number > taken }) else { return damaged }
            }
        }
        return damaged
    }

    /// - Returns: whether all were taken.
    private mutating func hand(_ notices: [QueueNotice]) -> Bool {
        guard let listener else { return false }
        let count = listener(notices)
        if count > 0 { taken = notices[min(count, notices.count) - 1].number }
        return count >= notices.count
    }

    // MARK: Form

    /// Each record behind its length, four octets, the lowest first.
    static func pack(_ records: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(records.reduce(0) { $0 + $1.count + 4 })
        for record in records {
            for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: record.count >> shift)) }
            bytes.append(contentsOf: record)
        }
        return bytes
    }

    /// - Returns: `nil` for anything else.
    static func unpack(_ bytes: [UInt8]) -> [[UInt8]]? {
        var records: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 4 else { return nil }
            let count = rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard rest.count >= count else { return nil }
            records.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return records
    }
}
