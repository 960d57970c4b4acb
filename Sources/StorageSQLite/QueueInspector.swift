import Foundation
import GRDB
public import MessageQueue

/// The queue seen from another process: lists it and changes it while the service runs, which notices within a second.
public struct QueueInspector: Sendable {
    private let database: DatabaseQueue
    private let reader: SegmentReader

    /// Opens the queue of a data directory.
    /// - Throws: ``QueueError/storageFailed(_:)`` where there is none or it cannot be read.
    public init(directory: String) throws {
        let path = directory + "/queue.sqlite"
        guard FileManager.default.fileExists(atPath: path) else {
            throw QueueError.storageFailed(
                "there is no queue in \(directory); has the service run with this data-directory?")
        }
        reader = SegmentReader(directory: directory + "/segments")
        do {
            database = try SQLiteFile.open(path, isDurable: true, overwrites: true)
            try database.write { database in
                // An empty file is for the service to judge: it may be all that is left of a queue.
                guard try QueueSchema.exists(database) else {
                    throw QueueError.storageFailed("it holds no queue; start the service, it says what to do")
                }
                try QueueSchema.prepare(database)
            }
        } catch {
            throw QueueError.storageFailed("\(path): \(error)")
        }
    }

    /// The same in the service, on its writer's thread.
    init(database: DatabaseQueue, reader: SegmentReader) {
        self.database = database
        self.reader = reader
    }

    // MARK: Reading

    /// Messages by age.
    /// - Throws: `DatabaseError`.
    public func list(after: QueueID? = nil, limit: Int = 1_000) throws -> [QueuedMessage] {
        try fetch(
            "WHERE id > ? ORDER BY id LIMIT ?", [after?.rawValue ?? Int64.min, max(0, limit)]
        ).map(\.message)
    }

    /// How many there are.
    /// - Throws: `DatabaseError`.
    public func census() throws -> QueueCensus {
        var census = QueueCensus()
        (census.messages, census.failed, census.damaged) = try database.read { database in
            (
                try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM message") ?? 0,
                try QueueStart.count("failed", database), try QueueStart.count("damaged", database)
            )
        }
        census.oldest = try fetch("WHERE failed = 0 AND damaged = 0 ORDER BY id LIMIT 1", []).first?.message.arrival
        return census
    }

    /// One message.
    /// - Throws: `DatabaseError`.
    public func message(_ id: QueueID) throws -> QueuedMessage? { try stored(id)?.message }

    /// Its content, as it was received.
    /// - Throws: ``QueueError/damaged(_:)``, or ``QueueError/unreadable(_:_:)`` where that says nothing about it.
    public func content(of id: QueueID) throws -> [UInt8] {
        var tried: ContentPlace?
        while true {
            guard let place = try stored(id)?.place else { throw QueueError.unreadable(id, "it has left the queue") }
            // Compaction may have moved it since.
            guard place != tried else { throw QueueError.damaged(id) }
            switch reader.read(place) {
            case .whole(let bytes): return bytes
            case .damaged: tried = place
            case .trouble(let error): throw QueueError.unreadable(id, "\(error)")
            }
        }
    }

    /// What is wrong with a damaged message, read anew; `nil` where nothing is.
    /// - Throws: `DatabaseError`, or ``QueueError/unreadable(_:_:)`` where it cannot be said now.
    public func damage(_ message: QueuedMessage) throws -> String? {
        guard let stored = try stored(message.id) else { return nil }
        return try damage(stored)
    }

    private func damage(_ stored: StoredMessage) throws -> String? {
        if let complaint = stored.complaint { return complaint }
        switch reader.read(stored.place) {
        case .whole: return nil
        case .damaged(let reason): return reason
        case .trouble(let error): throw QueueError.unreadable(stored.message.id, "\(error)")
        }
    }

    func place(of id: QueueID) throws -> ContentPlace? { try stored(id)?.place }

    private func stored(_ id: QueueID) throws -> StoredMessage? { try fetch("WHERE id = ?", [id.rawValue]).first }

    private func fetch(_ rest: String, _ arguments: StatementArguments) throws -> [StoredMessage] {
        try database.read { database in
            try Row.fetchAll(database, sql: "SELECT \(QueueRows.columns) FROM message \(rest)", arguments: arguments)
                .map { StoredMessage($0) }
        }
    }

    // MARK: Changing

    /// Makes messages due now; all where `ids` is `nil`. Those that failed wait anew for whoever did not get them; those that
    /// are damaged are read again, and wait again where they are whole.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - lifetime: milliseconds that failed ones get from now.
    /// - Returns: how many are due, and what is wrong with the others.
    /// - Throws: `DatabaseError`, or ``QueueError/unreadable(_:_:)`` of a damaged one that cannot be read now.
    public func retry(_ ids: [QueueID]?, now: Int64, lifetime: Int64) throws -> QueueRetry {
        guard let ids else {
            var result = try retryWaiting()
            var last: Int64? = .min
            while let after = last { last = try retryTroubled(after: after, now: now, lifetime: lifetime, &result) }
            return result
        }
        var result = QueueRetry()
        for id in ids {
            guard let stored = try stored(id) else { continue }
            try retry(stored, now + lifetime, &result)
        }
        return result
    }

    /// All that wait.
    func retryWaiting() throws -> QueueRetry {
        var result = QueueRetry()
        result.due = try change("UPDATE message SET next = 0, held = 0 WHERE failed = 0 AND damaged = 0", nil)
        return result
    }

    /// A page of those that failed or are damaged.
    /// - Returns: where the next page begins; `nil` behind the last.
    func retryTroubled(after id: Int64, now: Int64, lifetime: Int64, _ result: inout QueueRetry) throws -> Int64? {
        let page = try fetch("WHERE id > ? AND (failed <> 0 OR damaged <> 0) ORDER BY id LIMIT 200", [id])
        for stored in page { try retry(stored, now + lifetime, &result) }
        return page.last?.message.id.rawValue
    }

    private func retry(_ stored: StoredMessage, _ expires: Int64, _ result: inout QueueRetry) throws {
        let id = stored.message.id
        if stored.message.isDamaged, let reason = try damage(stored) {
            result.damaged.append((id, reason))
            return
        }
        let isDone = try database.write { database -> Bool in
            // Once more inside the transaction: the service may have changed it.
            guard
                let row = try Row.fetchOne(
                    database, sql: "SELECT \(QueueRows.columns) FROM message WHERE id = ?", arguments: [id.rawValue])
            else { return false }
            let current = StoredMessage(row)
            guard current.complaint == nil else { return false }
            var message = current.message
            message.isDamaged = false
            if message.isFailed { message.revive(expires: expires) }
            message.nextAttempt = 0
            try QueueRows.update(message, in: database)
            try database.execute(sql: "UPDATE message SET held = 0 WHERE id = ?", arguments: [id.rawValue])
            return true
        }
        if isDone { result.due += 1 }
    }

    /// Holds or releases messages; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: `DatabaseError`.
    public func hold(_ ids: [QueueID]?, _ isHeld: Bool) throws -> Int {
        try change("UPDATE message SET held = \(isHeld ? 1 : 0)", ids)
    }

    /// Deletes messages; all where `ids` is `nil`. The service gives their room back within a second or so.
    /// - Returns: how many.
    /// - Throws: `DatabaseError`.
    public func delete(_ ids: [QueueID]?) throws -> Int { try change("DELETE FROM message", ids, leavesAccounts: true) }

    private func change(_ statement: String, _ ids: [QueueID]?, leavesAccounts: Bool = false) throws -> Int {
        try database.write { database in
            var count = 0
            for id in ids?.map(Optional.some) ?? [nil] {
                let condition = id == nil ? "" : " WHERE id = ?"
                let arguments: StatementArguments = id.map { [$0.rawValue] } ?? []
                if leavesAccounts {
                    try database.execute(
                        sql: "INSERT INTO gone (segment, count, octets) SELECT segment, COUNT(*), "
                            + "SUM(\(QueueSchema.soundOctets)) FROM message\(condition) GROUP BY segment",
                        arguments: arguments)
                }
                try database.execute(sql: statement + condition, arguments: arguments)
                count += database.changesCount
            }
            return count
        }
    }
}
