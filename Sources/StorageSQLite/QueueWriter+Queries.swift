import GRDB
import MessageQueue

/// What the queue asks for, on the writer's thread: behind everything that was queued before.
extension QueueWriter {
    /// See ``QueueStore/due(_:before:beyond:limit:)``.
    func due(_ upstream: String, before now: Int64, beyond horizon: Int64, limit: Int) throws -> [StoredMessage] {
        let wanted = limit + unwritten.count
        var rows: [Row] = []
        for (condition, time) in [("next <= ?", now), ("next > ?", horizon)] where rows.count < wanted {
            rows += try database.read { database in
                try Row.fetchAll(
                    database,
                    sql: """
                        SELECT \(QueueRows.columns) FROM message
                        WHERE upstream = ? AND \(condition) AND held = 0 AND damaged = 0 AND failed = 0
                        ORDER BY next LIMIT ?
                        """, arguments: [upstream, time, wanted - rows.count])
            }
        }
        let stored = rows.map { StoredMessage($0) }
        try setAside(stored)
        return Array(
            stored.lazy.filter { $0.complaint == nil && self.unwritten[$0.message.id] == nil }.prefix(limit))
    }

    /// Marks rows that cannot be read whole: they are kept, listed, and not sent.
    private func setAside(_ stored: [StoredMessage]) throws {
        let damaged = stored.filter { $0.complaint != nil }
        guard !damaged.isEmpty else { return }
        try database.write { database in
            for one in damaged { try QueueRows.markDamaged(one.message.id.rawValue, in: database) }
        }
        for one in damaged {
            report("mail \(one.message.id) is damaged, it is kept and not sent: \(one.complaint ?? "")")
        }
    }

    /// One step into the index for each upstream; over all of them at once it would be read from end to end, on the thread
    /// that takes mail, and as often as something becomes due.
    static let nextDue =
        "SELECT next FROM message WHERE upstream = ? AND next > ? AND held = 0 AND damaged = 0 AND failed = 0 "
        + "ORDER BY next LIMIT 1"

    func nextDue(_ upstreams: [String], after now: Int64) throws -> Int64? {
        try database.read { database in
            try upstreams.compactMap { upstream in
                try Row.fetchOne(database.cachedStatement(sql: Self.nextDue), arguments: [upstream, now]).flatMap {
                    Int64.fromDatabaseValue($0["next"])
                }
            }.min()
        }
    }

    /// In pages: a backlog need not fit into memory.
    func reassign(unless known: [String], to fallback: String) throws {
        let marks = known.map { _ in "?" }.joined(separator: ",")
        while true {
            let stored = try database.read { database in
                try Row.fetchAll(
                    database,
                    sql: "SELECT \(QueueRows.columns) FROM message WHERE upstream NOT IN (\(marks)) AND damaged = 0 "
                        + "LIMIT 500", arguments: StatementArguments(known)
                ).map { StoredMessage($0) }
            }
            guard !stored.isEmpty else { return }
            try setAside(stored)
            try database.write { database in
                for one in stored where one.complaint == nil {
                    try QueueRows.reassign(one, to: fallback, in: database)
                }
            }
        }
    }

    func wasChangedByOthers() throws -> Bool {
        let version = try database.read { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
        guard version != lastVersion else { return false }
        lastVersion = version
        try settleAccounts()
        return true
    }
}
