import Foundation
import GRDB
public import Tracking
public import TrackingEvents

/// Work on stored events besides storing them; works while the service runs, in short transactions.
public struct EventArchive: Sendable {
    /// Messages in one transaction.
    private static let group = 200

    private let database: DatabaseQueue
    private let rules: HitRules

    /// Opens the events of a data directory, and makes them where there are none.
    /// - Throws: ``QueueError/storageFailed(_:)``.
    public init(directory: String, rules: HitRules) throws {
        let path = directory + "/events.sqlite"
        self.rules = rules
        do {
            try Files.makeDirectory(directory)
            database = try SQLiteFile.open(path, isDurable: true)
            try database.write { try EventSchema.prepare($0) }
        } catch {
            throw EventStoreError("events in \(path): \(error)")
        }
    }

    /// Takes over a journal that another node has written; what is there already is not stored twice.
    /// - Parameter progress: called with the octets that are done and those in all.
    /// - Returns: events that were new, events in all, and damaged lines that were left out.
    /// - Throws: where the file or the database cannot be used; what was stored before stays.
    public func takeOver(_ path: String, progress: (Int, Int) -> Void) throws -> (new: Int, events: Int, damaged: Int) {
        let journal = try EventJournal(reading: path)
        let writer = EventWriter(rules: rules)
        var result = (new: 0, events: 0, damaged: 0)
        var offset = 0
        while offset < journal.octets {
            let piece = try journal.events(from: offset)
            // Others may have written in between.
            writer.forget()
            result.new += try database.write { try writer.store(piece.events, in: $0) }
            result.events += piece.events.count
            result.damaged += piece.damaged
            offset = piece.end
            progress(offset, journal.octets)
        }
        return result
    }

    /// Judges all hits by the rules.
    /// - Parameter progress: called with the messages that are done.
    /// - Returns: hits that have another class or evidence now.
    /// - Throws: `DatabaseError`.
    public func reclassify(progress: (Int) -> Void) throws -> Int {
        let writer = EventWriter(rules: rules)
        var last = Data()
        var (changed, done) = (0, 0)
        while true {
            writer.forget()
            let group = try database.write { database in
                let ids = try Data.fetchAll(
                    database,
                    sql: "SELECT DISTINCT message FROM event WHERE message > ? ORDER BY message LIMIT \(Self.group)",
                    arguments: [last])
                for id in ids {
                    guard let message = TrackingMessageID(bytes: Array(id)) else { continue }
                    changed += try writer.reclassify(message, database)
                }
                try writer.writeBack(database)
                return ids
            }
            guard let end = group.last else { return changed }
            last = end
            done += group.count
            progress(done)
        }
    }

    /// Empties every field that tells of a recipient; classes and figures stay.
    /// - Returns: messages it was in.
    /// - Throws: `DatabaseError`.
    public func erase(recipient address: String) throws -> [TrackingMessageID] {
        try database.write { database in
            try Self.copies(address, database).compactMap { copy in
                try PersonalFields.erase(Data(copy.message.bytes), recipient: copy.recipient, database)
                return copy.message
            }
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

    private static func copies(_ address: String, _ database: Database) throws -> [EventWriter.CopyKey] {
        try Row.fetchAll(
            database, sql: "SELECT message, recipient FROM copy WHERE address = ? AND address <> '' ORDER BY message",
            arguments: [address]
        ).compactMap { row in
            TrackingMessageID(bytes: Array(row[0] as Data)).map {
                EventWriter.CopyKey(message: $0, recipient: row[1])
            }
        }
    }
}
