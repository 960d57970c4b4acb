import Foundation
import GRDB
import Tracking
public import TrackingEvents

/// Work on stored events besides storing them; works while the service runs, in short transactions.
public struct EventArchive: Sendable {
    /// Messages in one transaction.
    private static let group = 200

    let directory: String
    let database: DatabaseQueue
    let rules: HitRules

    /// Opens the events of a data directory.
    /// - Parameter makesMissing: whether a store that is not there is made; its directory never is, which whoever runs
    ///   the service does with the right owner.
    /// - Throws: ``EventStoreError``.
    public init(directory: String, rules: HitRules, makesMissing: Bool = false) throws {
        let path = directory + "/events.sqlite"
        self.rules = rules
        self.directory = directory
        guard makesMissing ? Files.exists(directory) : Files.exists(path) else {
            throw EventStoreError(
                makesMissing
                    ? "there is no \(directory); has the service run with this data-directory?"
                    : "there are no events at \(path) yet")
        }
        do {
            database = try SQLiteFile.open(path, isDurable: true, overwrites: true)
            try database.write { try EventSchema.prepare($0) }
        } catch {
            throw EventStoreError("events in \(path): \(error)")
        }
    }

    /// Judges all hits by the rules.
    /// - Parameter progress: called with the messages that are done.
    /// - Returns: hits that have another class or evidence now.
    /// - Throws: `DatabaseError`.
    public func reclassify(progress: (Int) -> Void) throws -> Int {
        let accounts = HitAccounts(rules: rules)
        var last = Data()
        var (changed, done) = (0, 0)
        while true {
            let group = try database.write { database in
                let store = SQLiteEventTransaction(database)
                try accounts.begin(store)
                let ids = try Data.fetchAll(
                    database,
                    sql: "SELECT DISTINCT message FROM event WHERE message > ? ORDER BY message LIMIT \(Self.group)",
                    arguments: [last])
                for id in ids {
                    guard let message = TrackingMessageID(bytes: Array(id)) else { continue }
                    changed += try accounts.reclassify(message, in: store)
                }
                try accounts.finish(store)
                return ids
            }
            guard let end = group.last else { return changed }
            last = end
            done += group.count
            progress(done)
        }
    }

    /// Everything that is kept of a recipient, oldest first.
    /// - Throws: `DatabaseError`.
    public func export(recipient address: String) throws -> [StoredEvent] {
        try database.read { database in
            try Self.copies(address, database).flatMap { copy in
                try EventQueries.events(
                    database, "e.message = ? AND e.recipient = ?", [Data(copy.message.bytes), copy.recipient],
                    limit: 100_000)
            }
        }
    }

    static func copies(_ address: String, _ database: Database) throws -> [CopyKey] {
        try Row.fetchAll(
            database, sql: "SELECT message, recipient FROM copy WHERE address = ? AND address <> '' ORDER BY message",
            arguments: [address]
        ).compactMap { row in
            TrackingMessageID(bytes: Array(row[0] as Data)).map {
                CopyKey(message: $0, recipient: row[1])
            }
        }
    }
}
