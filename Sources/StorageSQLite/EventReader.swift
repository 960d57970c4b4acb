import Foundation
import GRDB
import MessageQueue
import Tracking

/// One stored event, with what is known of its mail.
public struct StoredEvent: Sendable, Hashable, Codable {
    /// Grows by storing order: the cursor.
    public let sequence: Int64
    /// Milliseconds since 1970.
    public let time: Int64
    /// `delivery`, `open` or `click`.
    public let kind: String
    /// The message, as tokens call it.
    public let message: String
    /// Its id in the queue, where the mail is known here.
    public let queueID: String?
    /// Its tag.
    public let tag: String?
    /// Number of the recipient.
    public let recipient: Int?
    /// The recipient's address.
    public let address: String?
    /// Number of the link.
    public let link: Int?
    /// Where it leads.
    public let url: String
    /// Status of a delivery, class of a hit.
    public let result: String
    /// Evidence for the class.
    public let evidence: String
    /// Client and agent, as far as the policy keeps them.
    public let client: String
    /// See ``client``.
    public let agent: String
    /// Name of the upstream.
    public let upstream: String
    /// The upstream's reply.
    public let reply: String
    /// Why the body went out as it was.
    public let passedThrough: String
}

/// Reads `events.sqlite`, also while the service writes it.
public struct EventReader: Sendable {
    private let database: DatabaseQueue

    /// Opens the events of a data directory.
    /// - Throws: ``QueueError/storageFailed(_:)`` where there are none.
    public init(directory: String) throws {
        let path = directory + "/events.sqlite"
        guard FileManager.default.fileExists(atPath: path) else {
            throw QueueError.storageFailed("there are no events in \(directory) yet")
        }
        do {
            database = try SQLiteFile.open(path, isDurable: false)
            try database.write { try EventRows.prepare($0) }
        } catch {
            throw QueueError.storageFailed("\(path): \(error)")
        }
    }

    /// The last event's sequence.
    /// - Throws: `DatabaseError`.
    public func lastSequence() throws -> Int64 {
        try database.read { try Int64.fetchOne($0, sql: "SELECT MAX(sequence) FROM event") ?? 0 }
    }

    /// Events behind a cursor, in the order they were stored.
    /// - Throws: `DatabaseError`.
    public func events(after cursor: Int64, since: Int64 = 0, tag: String? = nil, limit: Int = 1_000) throws
        -> [StoredEvent]
    {
        try database.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT e.*, m.queue_id, m.tag, m.recipients FROM event e LEFT JOIN message m ON m.id = e.message
                    WHERE e.sequence > ? AND e.time >= ? AND (? IS NULL OR m.tag = ?) ORDER BY e.sequence LIMIT ?
                    """, arguments: [cursor, since, tag, tag, limit]
            ).map(Self.event)
        }
    }

    private static func event(_ row: Row) -> StoredEvent {
        let addresses = (row["recipients"] as String?)?.split(separator: "\n", omittingEmptySubsequences: false) ?? []
        let recipient: Int? = row["recipient"]
        let address = recipient.flatMap { addresses.indices.contains($0) ? String(addresses[$0]) : nil }
        let message = TrackingMessageID(bytes: Array(row["message"] as Data))
        return StoredEvent(
            sequence: row["sequence"], time: row["time"], kind: row["kind"], message: message?.description ?? "",
            queueID: row["queue_id"], tag: row["tag"], recipient: recipient, address: address, link: row["link"],
            url: row["url"],
            result: row["class"], evidence: row["evidence"], client: row["client"], agent: row["agent"],
            upstream: row["upstream"], reply: row["reply"], passedThrough: row["note"])
    }
}
