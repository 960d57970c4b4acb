import Foundation
import GRDB
import Tracking
import TrackingEvents

/// The tables of `events.sqlite`: what is known of each mail, and what happened, in the order it was stored.
enum EventRows {
    static func prepare(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS message (
                    id BLOB PRIMARY KEY, time INTEGER NOT NULL, queue_id TEXT NOT NULL, tag TEXT NOT NULL,
                    from_domain TEXT NOT NULL, recipients TEXT NOT NULL, untracked TEXT NOT NULL, privacy TEXT NOT NULL
                ) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS event (
                    sequence INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL UNIQUE, time INTEGER NOT NULL,
                    kind TEXT NOT NULL, message BLOB NOT NULL, recipient INTEGER, link INTEGER, url TEXT NOT NULL,
                    class TEXT NOT NULL, evidence TEXT NOT NULL, client TEXT NOT NULL, agent TEXT NOT NULL,
                    upstream TEXT NOT NULL, reply TEXT NOT NULL, note TEXT NOT NULL);
                CREATE INDEX IF NOT EXISTS event_message ON event (message);
                """)
    }

    /// Stores an event once, whatever the journal says.
    static func insert(_ number: Int64, _ event: Event, into database: Database) throws {
        switch event {
        case .message(let record):
            let statement = try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO message (id, time, queue_id, tag, from_domain, recipients, untracked, privacy)
                    VALUES (?,?,?,?,?,?,?,?)
                    """)
            try statement.execute(arguments: [
                Data(record.message.bytes), record.time, record.queueID, record.tag, record.fromDomain,
                record.recipients.joined(separator: "\n"), record.untracked, record.privacy.rawValue,
            ])
        case .delivery(let record):
            try insert(
                database, number, record.time, "delivery", record.message, record.recipient, nil, "",
                [record.status, "", "", "", record.upstream, record.reply, record.passedThrough])
        case .hit(let record):
            let privacy = try privacy(of: record.message, in: database)
            let isFull = privacy == .full
            let client = isFull ? record.client : privacy == .anonymous ? "" : Pseudonym.address(record.client)
            let agent = isFull ? record.agent : privacy == .anonymous ? "" : Pseudonym.agent(record.agent)
            try insert(
                database, number, record.time, record.kind == .open ? "open" : "click", record.message,
                privacy == .anonymous ? nil : record.recipient, record.link, record.url,
                [record.hitClass.rawValue, record.evidence, client, agent, "", "", ""])
        }
    }

    private static func insert(
        _ database: Database, _ number: Int64, _ time: Int64, _ kind: String, _ message: TrackingMessageID,
        _ recipient: Int?,
        _ link: Int?, _ url: String, _ texts: [String]
    ) throws {
        let statement = try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO event (number, time, kind, message, recipient, link, url, class, evidence, client,
                    agent, upstream, reply, note) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
                """)
        try statement.execute(
            arguments: [number, time, kind, Data(message.bytes), recipient, link, url] + StatementArguments(texts))
    }

    /// Pseudonymous where the message is not known (yet, or on this node).
    private static func privacy(of message: TrackingMessageID, in database: Database) throws -> Privacy {
        let statement = try database.cachedStatement(sql: "SELECT privacy FROM message WHERE id = ?")
        let text = try String.fetchOne(statement, arguments: [Data(message.bytes)])
        return text.flatMap { Privacy(rawValue: $0) } ?? .pseudonymous
    }
}
