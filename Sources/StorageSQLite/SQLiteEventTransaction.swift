import Foundation
import GRDB
import Tracking
import TrackingEvents

/// The accounts' rows in `events.sqlite`.
struct SQLiteEventTransaction: EventTransaction {
    let database: Database

    init(_ database: Database) { self.database = database }

    func execute(_ sql: String, _ arguments: StatementArguments) throws {
        try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    var version: Int {
        get throws { try Int.fetchOne(database.cachedStatement(sql: "PRAGMA data_version")) ?? 0 }
    }

    // MARK: Mails

    func insert(_ mail: MessageRecord) throws -> Bool {
        let id = Data(mail.message.bytes)
        try execute(
            """
            INSERT OR IGNORE INTO message (id, time, queue_id, tag, from_domain, subject, untracked, privacy, shared)
            VALUES (?,?,?,?,?,?,?,?,?)
            """,
            [
                id, mail.time, mail.queueID, mail.tag, mail.fromDomain, mail.subject, mail.untracked,
                mail.privacy.rawValue, mail.isShared,
            ])
        guard database.changesCount > 0 else { return false }
        for (number, address) in mail.recipients.enumerated() {
            try execute(
                """
                INSERT INTO copy (message, recipient, address) VALUES (?,?,?)
                ON CONFLICT DO UPDATE SET address = excluded.address
                """, [id, number, address])
        }
        return true
    }

    func mail(_ id: TrackingMessageID) throws -> KnownMail? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: "SELECT time, tag, privacy, shared, untracked = '' FROM message WHERE id = ?"),
            arguments: [Data(id.bytes)]
        ).map {
            // What cannot be read is kept as little as can be.
            KnownMail(
                time: $0[0], tag: $0[1], privacy: Privacy(rawValue: $0[2]) ?? .anonymous, isShared: $0[3],
                isTracked: $0[4])
        }
    }

    func share(_ id: TrackingMessageID) throws {
        try execute("UPDATE message SET shared = 1 WHERE id = ?", [Data(id.bytes)])
    }

    func hasEvents(_ message: TrackingMessageID) throws -> Bool {
        try Bool.fetchOne(
            database.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM event WHERE message = ?)"),
            arguments: [Data(message.bytes)]) ?? false
    }

    // MARK: Copies

    func copy(_ key: CopyKey) throws -> CopyAccount? {
        let row = try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT delivered, delivered_day, opened, inferred, clicked, last, erased, sent, shared FROM copy
                    WHERE message = ? AND recipient = ?
                    """), arguments: [Data(key.message.bytes), key.recipient])
        guard let row else { return nil }
        var copy = CopyAccount()
        copy.delivered = (row[0] as Int64?).map { Moment(time: $0, day: row[1] ?? LocalTime.day(of: $0)) }
        copy.opened = row[2]
        copy.isOpenInferred = row[3]
        copy.clicked = row[4]
        copy.lastHit = row[5]
        copy.isErased = row[6]
        copy.sent = row[7]
        copy.sharedBy = row[8]
        return copy
    }

    func put(_ copy: CopyAccount, _ key: CopyKey) throws {
        try execute(
            """
            INSERT INTO copy (message, recipient, sent, delivered, delivered_day, opened, inferred, clicked, last,
                shared) VALUES (?,?,?,?,?,?,?,?,?,?)
            ON CONFLICT DO UPDATE SET sent = excluded.sent, delivered = excluded.delivered,
                delivered_day = excluded.delivered_day, opened = excluded.opened, inferred = excluded.inferred,
                clicked = excluded.clicked, last = excluded.last, shared = excluded.shared
            """,
            [
                Data(key.message.bytes), key.recipient, copy.sent, copy.delivered?.time, copy.delivered?.day,
                copy.opened, copy.isOpenInferred, copy.clicked, copy.lastHit, copy.sharedBy,
            ])
    }

    func copies(of message: TrackingMessageID, withHitsOnly: Bool) throws -> [CopyKey] {
        let hits = "SELECT recipient FROM event WHERE message = ?1 AND recipient IS NOT NULL"
        return try Int.fetchAll(
            database.cachedStatement(
                sql: withHitsOnly
                    ? "SELECT DISTINCT recipient FROM (\(hits) AND kind <> 'delivery')"
                    : "SELECT recipient FROM copy WHERE message = ?1 UNION \(hits)"),
            arguments: [Data(message.bytes)]
        ).map { CopyKey(message: message, recipient: $0) }
    }

    func makeAnonymous(_ copy: CopyKey) throws {
        try execute(
            """
            UPDATE event SET recipient = NULL, client = '', agent = '', reply = '' WHERE message = ? AND recipient = ?
            """, [Data(copy.message.bytes), copy.recipient])
        try execute(
            "DELETE FROM copy WHERE message = ? AND recipient = ?", [Data(copy.message.bytes), copy.recipient])
    }
}
