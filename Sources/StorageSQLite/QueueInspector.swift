import Foundation
import GRDB
public import MessageQueue

/// The queue seen from another process: lists it and changes it while the service runs, which notices within a second.
public struct QueueInspector: Sendable {
    private let database: DatabaseQueue
    private let directory: String

    /// Opens the queue of a data directory.
    /// - Throws: ``QueueError/storageFailed(_:)`` where there is none or it cannot be read.
    public init(directory: String) throws {
        let path = directory + "/queue.sqlite"
        guard FileManager.default.fileExists(atPath: path) else {
            throw QueueError.storageFailed(
                "there is no queue in \(directory); has the service run with this data-directory?")
        }
        self.directory = directory
        do {
            database = try SQLiteFile.open(path, isDurable: true)
            try database.write { try QueueRows.prepare($0) }
        } catch {
            throw QueueError.storageFailed("\(path): \(error)")
        }
    }

    /// Messages by age.
    /// - Throws: `DatabaseError`.
    public func list(after: QueueID? = nil, limit: Int = 1_000) throws -> [QueuedMessage] {
        try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT \(QueueRows.columns) FROM message WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [after?.rawValue ?? -1, limit]
            ).map(QueueRows.message)
        }
    }

    /// The youngest messages.
    /// - Throws: `DatabaseError`.
    public func youngest(_ count: Int) throws -> [QueuedMessage] {
        try database.read { database in
            try Row.fetchAll(
                database, sql: "SELECT \(QueueRows.columns) FROM message ORDER BY id DESC LIMIT ?", arguments: [count]
            ).map(QueueRows.message)
        }
    }

    /// How many messages there are.
    /// - Throws: `DatabaseError`.
    public func count() throws -> Int {
        try database.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM message") ?? 0 }
    }

    /// One message.
    /// - Throws: `DatabaseError`.
    public func message(_ id: QueueID) throws -> QueuedMessage? {
        try database.read { database in
            try Row.fetchOne(
                database, sql: "SELECT \(QueueRows.columns) FROM message WHERE id = ?", arguments: [id.rawValue]
            )
            .map(QueueRows.message)
        }
    }

    /// Its content, as it was received.
    /// - Throws: ``QueueError/damaged(_:)``.
    public func content(_ message: QueuedMessage) throws -> [UInt8] {
        let path = SegmentFiles.path(directory + "/segments", message.place.segment)
        let bytes = try? Files.read(path, offset: message.place.offset, count: message.place.count)
        guard let bytes, XXH64.checksum(bytes) == message.place.checksum else { throw QueueError.damaged(message.id) }
        return bytes
    }

    /// Makes messages due now; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: `DatabaseError`.
    public func retry(_ ids: [QueueID]?, now: Int64) throws -> Int {
        try change("UPDATE message SET next = \(now), held = 0", ids)
    }

    /// Holds or releases messages; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: `DatabaseError`.
    public func hold(_ ids: [QueueID]?, _ isHeld: Bool) throws -> Int {
        try change("UPDATE message SET held = \(isHeld ? 1 : 0)", ids)
    }

    /// Deletes messages; all where `ids` is `nil`. The service frees their segments at its next start at the latest.
    /// - Returns: how many.
    /// - Throws: `DatabaseError`.
    public func delete(_ ids: [QueueID]?) throws -> Int { try change("DELETE FROM message", ids) }

    private func change(_ statement: String, _ ids: [QueueID]?) throws -> Int {
        try database.write { database in
            guard let ids else {
                try database.execute(sql: statement)
                return database.changesCount
            }
            var count = 0
            for id in ids {
                try database.execute(sql: "\(statement) WHERE id = ?", arguments: [id.rawValue])
                count += database.changesCount
            }
            return count
        }
    }
}
