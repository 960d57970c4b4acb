import Dispatch
import Foundation
import GRDB
public import MessageQueue
public import Tracking

/// Texts of mails that have left the queue, for the tags that keep them: `sources.sqlite`.
public final class SourceArchive: Sendable {
    /// A mail and its text.
    public struct Entry: Sendable {
        /// The mail as it was queued; its recipients are not kept.
        public let message: QueuedMessage
        /// Its text as it was received.
        public let content: [UInt8]
    }

    /// Of files that never held free pages which tell of what was deleted.
    private static let version = 1

    private let path: String
    private let worker = DispatchQueue(label: "tracerelay.sources")
    private let report: @Sendable (String) -> Void

    /// An archive in a data directory; the file is made when something is kept.
    /// - Parameter report: takes a sentence when a text could not be kept.
    public init(directory: String, report: @escaping @Sendable (String) -> Void) {
        path = directory + "/sources.sqlite"
        self.report = report
    }

    /// Keeps a text; whoever calls does not wait.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - time: milliseconds.
    public func keep(_ id: TrackingMessageID, _ message: QueuedMessage, _ content: [UInt8], now: Int64, for time: Int64)
    {
        worker.async { [self] in
            do {
                try open().write { database in
                    try database.execute(sql: "DELETE FROM source WHERE expires < ?", arguments: [now])
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO source (id, expires, queue_id, arrival, decision, note, content) "
                            + "VALUES (?,?,?,?,?,?,?)",
                        arguments: [
                            Data(id.bytes), now + time, message.id.rawValue, message.arrival, Data(message.decision),
                            Data(message.note), Data(content),
                        ])
                }
            } catch {
                report("the text of mail \(message.id) is not kept for the console: \(error)")
            }
        }
    }

    /// A mail's text, where it is kept.
    public func entry(_ id: TrackingMessageID, now: Int64) async -> Entry? {
        await withCheckedContinuation { continuation in
            worker.async { [self] in continuation.resume(returning: try? read(id, now)) }
        }
    }

    /// Forgets texts, so that the file does not hold them either.
    public func forget(_ ids: [TrackingMessageID]) throws {
        try worker.sync {
            guard FileManager.default.fileExists(atPath: path) else { return }
            let database = try open()
            try database.write { database in
                for id in ids {
                    try database.execute(sql: "DELETE FROM source WHERE id = ?", arguments: [Data(id.bytes)])
                }
            }
            try clean(database)
        }
    }

    /// Forgets texts whose time is over, whether or not another comes.
    /// - Parameter now: milliseconds since 1970.
    public func forgetExpired(now: Int64) throws {
        try worker.sync {
            guard FileManager.default.fileExists(atPath: path) else { return }
            let database = try open()
            let count = try database.write { database in
                try database.execute(sql: "DELETE FROM source WHERE expires <= ?", arguments: [now])
                return database.changesCount
            }
            if count > 0 { try clean(database) }
        }
    }

    /// What a former version deleted may stand in free pages.
    private func clean(_ database: DatabaseQueue) throws {
        if try database.read({ try Int.fetchOne($0, sql: "PRAGMA user_version") }) != Self.version {
            try database.vacuum()
            try database.write { try $0.execute(sql: "PRAGMA user_version = \(Self.version)") }
        }
        try SQLiteFile.emptyLog(database)
    }

    private func read(_ id: TrackingMessageID, _ now: Int64) throws -> Entry? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try open().read { database in
            try Row.fetchOne(
                database, sql: "SELECT * FROM source WHERE id = ? AND expires > ?", arguments: [Data(id.bytes), now]
            ).map { row in
                let content = Array(row["content"] as Data)
                var new = NewMessage(
                    arrival: row["arrival"], upstream: "", reversePath: "", recipients: [], octets: content.count)
                new.decision = Array(row["decision"] as Data)
                new.note = Array(row["note"] as Data)
                let message = QueuedMessage(new, id: QueueID(rawValue: row["queue_id"]), expires: 0)
                return Entry(message: message, content: content)
            }
        }
    }

    /// Opened each time: it is written seldom, and somebody may have moved it away.
    private func open() throws -> DatabaseQueue {
        let database = try SQLiteFile.open(path, isDurable: false, overwrites: true)
        try database.write {
            if try !$0.tableExists("source") { try $0.execute(sql: "PRAGMA user_version = \(Self.version)") }
            try $0.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS source (
                        id BLOB PRIMARY KEY, expires INTEGER NOT NULL, queue_id INTEGER NOT NULL,
                        arrival INTEGER NOT NULL, decision BLOB NOT NULL, note BLOB NOT NULL, content BLOB NOT NULL);
                    CREATE INDEX IF NOT EXISTS source_expires ON source (expires);
                    """)
        }
        return database
    }
}
