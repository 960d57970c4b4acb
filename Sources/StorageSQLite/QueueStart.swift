import Foundation
import GRDB
import MessageQueue

/// Opens a queue: says no where going on could destroy mail, and syncs the names that all later syncs rely on.
struct QueueStart {
    let directory: String
    let segments: SegmentFiles
    let system: any FileSystem

    private var path: String { directory + "/queue.sqlite" }

    func open() throws -> (DatabaseQueue, QueueRecovery) {
        let numbers = try SegmentFiles.numbers(in: segments.directory)
        let isThere = try Files.size(path) ?? 0 > 0
        // Before SQLite would make a new one.
        if !isThere { try refuse(numbers) }
        let (database, mended) = try openWhole()
        if try !database.read({ try QueueSchema.exists($0) }) { try refuse(numbers) }
        try database.write { try QueueSchema.prepare($0) }
        // The names of the database, of the segments' directory and of the data directory itself: without them, what is
        // synced later could not be found again.
        try system.syncDirectory(directory)
        try syncParent()
        var recovery = try recover(database)
        recovery.mended = mended
        return (database, recovery)
    }

    /// A damaged index hides mail that is due, and a damaged page more than that: looked for before anything is done.
    private func openWhole() throws -> (DatabaseQueue, mended: [String]) {
        do {
            let database = try SQLiteFile.open(path, isDurable: true, overwrites: true)
            guard let defect = try database.read({ try QueueCheck.defect($0) }) else { return (database, []) }
            // What an index holds stands in the rows as well.
            try database.write { database in
                try database.execute(sql: "REINDEX")
                if let defect = try QueueCheck.defect(database) { throw QueueError.damagedRows(path, defect) }
            }
            return (database, ["an index of \(path) was damaged and has been made anew (\(defect))"])
        } catch let error as DatabaseError
            where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode.primaryResultCode)
        {
            throw QueueError.damagedRows(path, error.message ?? "\(error.resultCode)")
        }
    }

    private func refuse(_ numbers: [Int64]) throws {
        guard numbers.isEmpty else {
            throw QueueError.rowsMissing(database: path, segments: segments.directory, count: numbers.count)
        }
    }

    /// A parent that may not be read is not one in which this directory was made just now.
    private func syncParent() throws {
        let parent = URL(fileURLWithPath: directory).deletingLastPathComponent().path
        do { try system.syncDirectory(parent) } catch let error as SystemError where error.code == EACCES { return }
    }

    private func recover(_ database: DatabaseQueue) throws -> QueueRecovery {
        var recovery = QueueRecovery()
        var live: [Int64: (count: Int, octets: Int64)] = [:]
        var accounted: [Int64: Int64] = [:]
        try database.write { database in
            // A time that is no number sorts behind all numbers: it would never be due.
            try database.execute(
                sql: "UPDATE message SET damaged = 1 WHERE typeof(next) <> 'integer' AND damaged = 0")
            try database.execute(sql: "DELETE FROM gone")
            let rows = try Row.fetchAll(
                database,
                sql:
                    "SELECT segment, COUNT(*) AS n, SUM(\(QueueSchema.soundOctets)) AS size FROM message GROUP BY segment"
            )
            for row in rows {
                let count = Int.fromDatabaseValue(row["n"]) ?? 0
                recovery.messages += count
                guard let segment = Int64.fromDatabaseValue(row["segment"]) else { continue }
                live[segment] = (count, Int64.fromDatabaseValue(row["size"]) ?? 0)
            }
            for row in try Row.fetchAll(database, sql: "SELECT number, octets FROM segment") {
                guard let number = Int64.fromDatabaseValue(row["number"]) else { continue }
                accounted[number] = Int64.fromDatabaseValue(row["octets"]) ?? 0
            }
            recovery.youngest = try Int64.fetchOne(database, sql: "SELECT MAX(id) FROM message").map(
                QueueID.init(rawValue:))
            recovery.failed = try Self.count("failed", database)
            recovery.damaged = try Self.count("damaged", database)
        }
        let found = try segments.recover(live, accounted: accounted)
        recovery.orphanedSegments = found.removed
        recovery.setAside = found.setAside
        recovery.isOlderThanMail = found.isOlderThanMail
        let stale = accounted.keys.filter { live[$0] == nil }
        try database.write { database in
            for (number, octets) in found.settled {
                try database.execute(
                    sql: "UPDATE segment SET octets = ? WHERE number = ?", arguments: [octets, number])
            }
            for number in stale {
                try database.execute(sql: "DELETE FROM segment WHERE number = ?", arguments: [number])
            }
        }
        return recovery
    }

    static func count(_ column: String, _ database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM message WHERE \(column) <> 0") ?? 0
    }
}

/// What SQLite itself finds wrong with a database.
enum QueueCheck {
    /// The first thing wrong with pages or indexes, in SQLite's words. Odd values in columns are not: whoever reads a row
    /// judges them.
    static func defect(_ database: Database) throws -> String? {
        try String.fetchAll(database, sql: "PRAGMA integrity_check(1000)").first {
            $0 != "ok" && !$0.contains(" value in ")
        }
    }
}
