import Foundation
import GRDB
import MessageQueue

/// A row as it was found. Stored octets are input: nothing in them may trap, and what cannot be read is told.
struct StoredMessage {
    /// Octets that no content has, so that sums of them fit.
    private static let largestContent: Int64 = 1 << 40

    /// The message; damaged where ``complaint`` says so, with what could be read.
    private(set) var message: QueuedMessage
    /// Where its content stands.
    let place: ContentPlace
    /// What is wrong with the row.
    private(set) var complaint: String?

    init(_ row: Row) {
        var wrong: [String] = []
        func integer(_ name: String, _ range: ClosedRange<Int64>) -> Int64 {
            guard let value = Int64.fromDatabaseValue(row[name]), range.contains(value) else {
                wrong.append(name)
                return max(range.lowerBound, 0)
            }
            return value
        }
        func text(_ name: String) -> String {
            guard case .string(let value) = (row[name] as DatabaseValue).storage else {
                wrong.append(name)
                return ""
            }
            return value
        }
        func octets(_ name: String) -> [UInt8] {
            guard case .blob(let value) = (row[name] as DatabaseValue).storage else {
                // SQLite gives an empty blob of some versions as text.
                if String.fromDatabaseValue(row[name]) != "" { wrong.append(name) }
                return []
            }
            return Array(value)
        }
        let times: ClosedRange<Int64> = 0...1 << 53
        let count = integer("octets", 0...Self.largestContent)
        var new = NewMessage(
            arrival: integer("arrival", times), upstream: text("upstream"), reversePath: text("sender"),
            recipients: [], octets: Int(count))
        new.needsSMTPUTF8 = integer("flags", 0...2) & 2 != 0
        new.decision = octets("decision")
        new.note = octets("note")
        let id = QueueID(rawValue: Int64.fromDatabaseValue(row["id"]) ?? 0)
        var message = QueuedMessage(new, id: id, expires: integer("expires", times))
        let packed = octets("recipients")
        if let recipients = PackedRecipients.unpack(packed) {
            message.recipients = recipients
        } else {
            wrong.append("recipients")
        }
        message.nextAttempt = Int64.fromDatabaseValue(row["next"]).map { min(max($0, 0), 1 << 53) } ?? 0
        message.attempts = Int(Int64.fromDatabaseValue(row["attempts"]).map { min(max($0, 0), 1 << 20) } ?? 0)
        message.isHeld = Int64.fromDatabaseValue(row["held"]) != 0
        place = ContentPlace(
            segment: integer("segment", Int64.min...Int64.max), offset: integer("start", 0...Int64.max),
            count: Int(count), checksum: UInt64(bitPattern: integer("checksum", Int64.min...Int64.max)))
        // Rows of the first form have no seal; what can be checked of them was.
        if wrong.isEmpty, !(row["seal"] as DatabaseValue).isNull,
            Int64.fromDatabaseValue(row["seal"]) != QueueRows.seal(message, place, packed)
        {
            wrong.append("its checksum")
        }
        if wrong.isEmpty,
            (Int64.fromDatabaseValue(row["failed"]) != 0) != message.isFailed
                || (message.waiting.isEmpty && !message.isFailed)
        {
            wrong.append("its state")
        }
        message.isDamaged = !wrong.isEmpty || Int64.fromDatabaseValue(row["damaged"]) != 0
        self.message = message
        complaint =
            wrong.isEmpty ? nil : "its row in queue.sqlite is damaged (\(wrong.joined(separator: ", ")))"
    }
}
