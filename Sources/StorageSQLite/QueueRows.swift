import Foundation
import GRDB
import MessageQueue

/// The table `message`, one row each; recipients are packed into one column, so that a commit is one insert.
///
/// `seal` covers what must not change unseen: who sends what to whom, under which decision, until when. `segment` and
/// `start` are held true by the content's own checksum; what is left is of the schedule, and bounded where it is read.
enum QueueRows {
    static let columns =
        "id, arrival, upstream, next, expires, attempts, held, damaged, sender, flags, segment, start, octets, checksum, "
        + "recipients, decision, note, failed, seal"

    static func insert(_ message: QueuedMessage, _ place: ContentPlace, into database: Database) throws {
        let recipients = PackedRecipients.pack(message.recipients)
        let statement = try database.cachedStatement(
            sql: "INSERT INTO message (\(columns)) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
        try statement.execute(arguments: [
            message.id.rawValue, message.arrival, message.upstream, message.nextAttempt, message.expires,
            message.attempts, message.isHeld, message.isDamaged, message.reversePath, flags(message),
            place.segment, place.offset, place.count,
            Int64(bitPattern: place.checksum), Data(recipients), Data(message.decision), Data(message.note),
            message.isFailed, seal(message, place, recipients),
        ])
    }

    /// What an attempt changes; `held` belongs to the sysadmin, the place to the store.
    static func update(_ message: QueuedMessage, in database: Database) throws {
        // Its content is held true by its own checksum, whatever stands here.
        let row = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT octets, checksum FROM message WHERE id = ?"),
            arguments: [message.id.rawValue])
        guard let row else { return }
        let place = ContentPlace(
            segment: 0, offset: 0, count: Int(clamping: Int64.fromDatabaseValue(row["octets"]) ?? 0),
            checksum: UInt64(bitPattern: Int64.fromDatabaseValue(row["checksum"]) ?? 0))
        let recipients = PackedRecipients.pack(message.recipients)
        let statement = try database.cachedStatement(
            sql: "UPDATE message SET next = ?, expires = ?, attempts = ?, damaged = ?, recipients = ?, failed = ?, "
                + "seal = ? WHERE id = ?")
        try statement.execute(arguments: [
            message.nextAttempt, message.expires, message.attempts, message.isDamaged, Data(recipients),
            message.isFailed, seal(message, place, recipients), message.id.rawValue,
        ])
    }

    /// Gives a message to another upstream.
    static func reassign(_ stored: StoredMessage, to upstream: String, in database: Database) throws {
        var message = stored.message
        message.upstream = upstream
        try database.cachedStatement(sql: "UPDATE message SET upstream = ?, seal = ? WHERE id = ?").execute(arguments: [
            upstream, seal(message, stored.place, PackedRecipients.pack(message.recipients)), message.id.rawValue,
        ])
    }

    static func markDamaged(_ id: Int64, in database: Database) throws {
        try database.cachedStatement(sql: "UPDATE message SET damaged = 1 WHERE id = ?").execute(arguments: [id])
    }

    static func flags(_ message: QueuedMessage) -> Int { message.needsSMTPUTF8 ? 2 : 0 }

    static func seal(_ message: QueuedMessage, _ place: ContentPlace, _ recipients: [UInt8]) -> Int64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(recipients.count + message.decision.count + message.note.count + 256)
        func add(_ number: Int64) { withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) } }
        for number in [
            message.id.rawValue, message.arrival, message.expires, Int64(flags(message)), Int64(place.count),
            Int64(bitPattern: place.checksum),
        ] {
            add(number)
        }
        for field in [
            Array(message.upstream.utf8), Array(message.reversePath.utf8), recipients, message.decision, message.note,
        ] {
            add(Int64(field.count))
            bytes.append(contentsOf: field)
        }
        return Int64(bitPattern: XXH64.checksum(bytes))
    }
}
