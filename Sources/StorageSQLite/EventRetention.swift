import Foundation
import GRDB
import Tracking
import TrackingEvents

/// How long what is kept, each in milliseconds.
public struct RetentionClocks: Sendable, Hashable {
    /// Addresses, subjects, clients and agents.
    public var personal: Int64
    /// Mails, deliveries and hits.
    public var hits: Int64
    /// Figures per day.
    public var figures: Int64

    /// Clocks with all their parts.
    public init(personal: Int64, hits: Int64, figures: Int64) {
        self.personal = personal
        self.hits = hits
        self.figures = figures
    }
}

/// The clocks of all tags.
public struct Retention: Sendable {
    /// By tag.
    public var tags: [String: RetentionClocks]
    /// For mail of no tag, and of tags that are no longer configured.
    public var others: RetentionClocks

    /// Clocks by tag.
    public init(tags: [String: RetentionClocks], others: RetentionClocks) {
        self.tags = tags
        self.others = others
    }
}

/// Takes out what has been kept long enough, a slice at a time, so that nothing waits for it.
struct EventRetention {
    /// Figures per minute serve the charts of the last days.
    static let minuteDays = 8
    private static let slice = 500

    let clocks: Retention

    /// One slice.
    /// - Returns: whether there may be more.
    func run(_ database: Database, now: Int64) throws -> Bool {
        var isMore = false
        let tags = try String.fetchAll(
            database,
            sql: "SELECT DISTINCT tag FROM message UNION SELECT DISTINCT tag FROM day UNION SELECT ''")
        for tag in tags {
            let clocks = clocks.tags[tag] ?? clocks.others
            let old = try Self.messages(tag, before: now - clocks.hits, "1", database)
            for id in old { try Self.delete(id, database) }
            let personal = try Self.messages(tag, before: now - clocks.personal, "erased = 0", database)
            for id in personal { try PersonalFields.erase(id, recipient: nil, database) }
            var calendar = LocalTime()
            let day = calendar.day(of: max(0, now - clocks.figures))
            for table in ["link", "reason"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE tag = ? AND day < ?", arguments: [tag, day])
            }
            try database.execute(sql: "DELETE FROM day WHERE tag = ? AND bucket < ?", arguments: [tag, day])
            if max(old.count, personal.count) == Self.slice { isMore = true }
        }
        try database.execute(
            sql: "DELETE FROM minute WHERE bucket < ?", arguments: [now / 60_000 - Int64(Self.minuteDays) * 1_440])
        let strays = try strays(database, before: now - clocks.others.hits)
        for id in strays { try Self.delete(id, database) }
        return isMore || strays.count > 0
    }

    private static func messages(_ tag: String, before time: Int64, _ condition: String, _ database: Database) throws
        -> [Data]
    {
        try Data.fetchAll(
            database,
            sql: "SELECT id FROM message WHERE tag = ? AND time < ? AND \(condition) ORDER BY time LIMIT \(slice)",
            arguments: [tag, time])
    }

    /// Messages that are known by their hits only; the oldest events are the first ones.
    private func strays(_ database: Database, before time: Int64) throws -> [Data] {
        try Data.fetchAll(
            database,
            sql: """
                SELECT DISTINCT message FROM (SELECT message, time FROM event ORDER BY sequence LIMIT \(Self.slice)) e
                WHERE e.time < ? AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = e.message)
                """, arguments: [time])
    }

    private static func delete(_ id: Data, _ database: Database) throws {
        for sql in [
            "DELETE FROM event WHERE message = ?", "DELETE FROM copy WHERE message = ?",
            "DELETE FROM message WHERE id = ?",
        ] { try database.execute(sql: sql, arguments: [id]) }
    }
}

/// What tells who somebody is.
enum PersonalFields {
    /// Empties them; classes and figures stay, and are never counted anew.
    /// - Parameter recipient: `nil` for all of the message.
    static func erase(_ id: Data, recipient: Int?, _ database: Database) throws {
        // A copy that several share may have been read by any of them.
        let condition = recipient == nil ? "message = ?" : "message = ? AND (recipient = ? OR recipient < 0)"
        let arguments: StatementArguments = recipient.map { [id, $0] } ?? [id]
        try database.execute(
            sql: "UPDATE copy SET address = '', erased = 1 WHERE \(condition)", arguments: arguments)
        try database.execute(
            sql: "UPDATE event SET client = '', agent = '', reply = '', url = '' WHERE \(condition)",
            arguments: arguments)
        try database.execute(
            sql: "UPDATE message SET subject = ''\(recipient == nil ? ", erased = 1" : "") WHERE id = ?",
            arguments: [id])
    }
}
