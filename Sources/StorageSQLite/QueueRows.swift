import Foundation
import GRDB
import MessageQueue

/// The table `message`, one row each; recipients are packed into one column, so that a commit is one insert.
enum QueueRows {
    static func prepare(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS message (
                    id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, upstream TEXT NOT NULL, next INTEGER NOT NULL,
                    expires INTEGER NOT NULL, attempts INTEGER NOT NULL, held INTEGER NOT NULL, damaged INTEGER NOT NULL,
                    sender TEXT NOT NULL, flags INTEGER NOT NULL, segment INTEGER NOT NULL, start INTEGER NOT NULL,
                    octets INTEGER NOT NULL, checksum INTEGER NOT NULL, recipients BLOB NOT NULL, decision BLOB NOT NULL,
                    note BLOB NOT NULL);
                CREATE INDEX IF NOT EXISTS due ON message (upstream, next) WHERE held = 0 AND damaged = 0;
                CREATE INDEX IF NOT EXISTS place ON message (segment);
                """)
    }

    static let columns =
        "id, arrival, upstream, next, expires, attempts, held, damaged, sender, flags, segment, start, octets, checksum, "
        + "recipients, decision, note"

    static func insert(_ message: QueuedMessage, into database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT INTO message (\(columns)) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
        try statement.execute(arguments: [
            message.id.rawValue, message.arrival, message.upstream, message.nextAttempt, message.expires,
            message.attempts,
            message.isHeld, message.isDamaged, message.reversePath, flags(message), message.place.segment,
            message.place.offset,
            message.place.count, Int64(bitPattern: message.place.checksum), Data(pack(message.recipients)),
            Data(message.decision), Data(message.note),
        ])
    }

    /// State only; `held` belongs to the sysadmin, the place to the store.
    static func update(_ message: QueuedMessage, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "UPDATE message SET next = ?, attempts = ?, damaged = ?, recipients = ? WHERE id = ?")
        try statement.execute(arguments: [
            message.nextAttempt, message.attempts, message.isDamaged, Data(pack(message.recipients)),
            message.id.rawValue,
        ])
    }

    static func place(_ row: Row) -> ContentPlace {
        ContentPlace(
            segment: row["segment"], offset: row["start"], count: row["octets"],
            checksum: UInt64(bitPattern: row["checksum"] as Int64))
    }

    static func message(_ row: Row) -> QueuedMessage {
        var new = NewMessage(
            arrival: row["arrival"], upstream: row["upstream"], reversePath: row["sender"], recipients: [],
            octets: row["octets"])
        let flags: Int = row["flags"]
        new.needsSMTPUTF8 = flags & 2 != 0
        new.decision = Array(row["decision"] as Data)
        new.note = Array(row["note"] as Data)
        var message = QueuedMessage(new, id: QueueID(rawValue: row["id"]), expires: row["expires"])
        message.recipients = unpack(row["recipients"] as Data)
        message.nextAttempt = row["next"]
        message.attempts = row["attempts"]
        message.isHeld = row["held"]
        message.isDamaged = row["damaged"]
        message.place = place(row)
        return message
    }

    private static func flags(_ message: QueuedMessage) -> Int {
        message.needsSMTPUTF8 ? 2 : 0
    }

    /// `number US state US address US reply RS …`: addresses and escaped replies hold no control characters.
    private static func pack(_ recipients: [QueuedRecipient]) -> [UInt8] {
        var bytes: [UInt8] = []
        for recipient in recipients {
            for field in [String(recipient.number), recipient.state.rawValue, recipient.address, recipient.lastReply] {
                bytes.append(contentsOf: field.utf8.lazy.filter { $0 >= 0x20 })
                bytes.append(0x1F)
            }
            bytes[bytes.count - 1] = 0x1E
        }
        return bytes
    }

    private static func unpack(_ data: Data) -> [QueuedRecipient] {
        data.split(separator: 0x1E).compactMap { record in
            let fields = record.split(separator: 0x1F, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard fields.count == 4, let number = Int(fields[0]) else { return nil }
            var recipient = QueuedRecipient(number: number, address: fields[2])
            recipient.state = QueuedRecipient.State(rawValue: fields[1]) ?? .waiting
            recipient.lastReply = fields[3]
            return recipient
        }
    }
}
