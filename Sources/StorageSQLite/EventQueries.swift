import Foundation
import GRDB
import Tracking
import TrackingEvents

/// What is asked of `events.sqlite`.
enum EventQueries {
    /// Rows of a mail that are looked at.
    static let maximumRows = 1_000

    // MARK: Figures

    private static let sums = Figure.allCases.map { "SUM(\($0.rawValue))" }.joined(separator: ", ")

    private static func figures(_ row: Row, from column: Int) -> Figures {
        Figures(counts: Figure.allCases.indices.map { row[column + $0] ?? 0 })
    }

    /// - Parameter table: `day` or `minute`, whose buckets `from` and `to` are; both are in.
    static func byTag(_ database: Database, _ table: String, from: Int64, to: Int64) throws -> [String: Figures] {
        let rows = try Row.fetchAll(
            database, sql: "SELECT tag, \(sums) FROM \(table) WHERE bucket BETWEEN ? AND ? GROUP BY tag",
            arguments: [from, to])
        return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] as String, figures($0, from: 1)) })
    }

    static func series(
        _ database: Database, tag: String?, from: Int64, to: Int64, _ granularity: Granularity
    ) throws -> [FigureStep] {
        guard from < to else { return [] }
        let condition = "bucket BETWEEN ? AND ? AND (? IS NULL OR tag = ?)"
        if granularity == .day {
            return try Row.fetchAll(
                database, sql: "SELECT bucket, \(sums) FROM day WHERE \(condition) GROUP BY bucket ORDER BY bucket",
                arguments: [LocalTime.day(of: from), LocalTime.day(of: to - 1), tag, tag]
            ).map { FigureStep(time: LocalTime.start(of: $0[0]), figures: figures($0, from: 1)) }
        }
        let step = granularity == .hour ? 60 : 1
        let first = from / 60_000
        return try Row.fetchAll(
            database,
            sql: "SELECT (bucket - ?) / ? AS step, \(sums) FROM minute WHERE \(condition) GROUP BY step ORDER BY step",
            arguments: [first, step, first, (to - 1) / 60_000, tag, tag]
        ).map { FigureStep(time: (first + ($0[0] as Int64) * Int64(step)) * 60_000, figures: figures($0, from: 1)) }
    }

    static func pages(_ database: Database, tag: String, from: Int64, to: Int64, limit: Int) throws -> [PageFigures] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT page, SUM(clicks) AS clicks, SUM(unique_clicks) FROM link WHERE tag = ? AND day BETWEEN ? AND ?
                GROUP BY page HAVING SUM(clicks) > 0 ORDER BY clicks DESC, page LIMIT ?
                """, arguments: [tag, from, to, limit]
        ).map { PageFigures(page: $0[0], clicks: $0[1], uniqueClicks: $0[2]) }
    }

    static func reasons(_ database: Database, tag: String?, from: Int64, to: Int64) throws -> [ReasonCount] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT kind, reason, SUM(count) AS total FROM reason
                WHERE day BETWEEN ? AND ? AND (? IS NULL OR tag = ?) GROUP BY kind, reason ORDER BY total DESC, reason
                """, arguments: [from, to, tag, tag]
        ).map { ReasonCount(kind: $0[0], reason: $0[1], count: $0[2]) }
    }

    static func tags(_ database: Database) throws -> [String] {
        try String.fetchAll(database, sql: "SELECT DISTINCT tag FROM day ORDER BY tag")
    }

    // MARK: Mails

    private static let mailColumns = """
        m.id, m.queue_id, m.time, m.tag, m.from_domain, m.subject, m.untracked, m.privacy,
        (SELECT COUNT(*) FROM copy c WHERE c.message = m.id AND c.recipient >= 0),
        (SELECT COUNT(*) FROM copy c WHERE c.message = m.id AND c.status = 'sent'),
        (SELECT COUNT(*) FROM copy c WHERE c.message = m.id AND c.status IN ('deferred', 'uncertain')),
        (SELECT COUNT(*) FROM copy c WHERE c.message = m.id AND c.status IN ('bounced', 'expired')),
        (SELECT COUNT(opened) FROM copy c WHERE c.message = m.id),
        (SELECT COUNT(clicked) FROM copy c WHERE c.message = m.id)
        """

    static func mails(_ database: Database, _ filter: MailFilter) throws -> [StoredMail] {
        var conditions = ["1"]
        var arguments = StatementArguments()
        if let tag = filter.tag {
            conditions.append("m.tag = ?")
            arguments += [tag]
        }
        if let recipient = filter.recipient {
            conditions.append("m.id IN (SELECT message FROM copy WHERE address = ? AND address <> '')")
            arguments += [recipient]
        }
        if let before = filter.before {
            // Mails of the same time follow each other by their ids.
            conditions.append("(m.time < ? OR m.time = ? AND m.id < ?)")
            arguments += [before.time, before.time, Data(before.message?.bytes ?? [])]
        }
        arguments += [filter.limit]
        return try Row.fetchAll(
            database,
            sql: "SELECT \(mailColumns) FROM message m WHERE \(conditions.joined(separator: " AND ")) "
                + "ORDER BY m.time DESC, m.id DESC LIMIT ?", arguments: arguments
        ).map(mail)
    }

    private static func mail(_ row: Row) -> StoredMail {
        StoredMail(
            message: hexadecimal(row[0]), queueID: row[1], time: row[2], tag: row[3], fromDomain: row[4],
            subject: row[5], untracked: row[6], privacy: row[7], recipients: row[8], sent: row[9],
            deferred: row[10], failed: row[11], opened: row[12], clicked: row[13])
    }

    static func detail(_ database: Database, _ text: String) throws -> StoredMailDetail? {
        let id = TrackingMessageID(hexadecimal: text).map { Data($0.bytes) }
        let row = try Row.fetchOne(
            database, sql: "SELECT \(mailColumns) FROM message m WHERE \(id == nil ? "m.queue_id = ?" : "m.id = ?")",
            arguments: id.map { [$0] } ?? [text.uppercased()])
        guard let row else { return nil }
        let message: Data = row[0]
        let copies = try Row.fetchAll(
            database,
            sql: """
                SELECT recipient, address, status, sent, opened, inferred, clicked, shared FROM copy WHERE message = ?
                ORDER BY recipient LIMIT \(maximumRows)
                """, arguments: [message]
        ).map(copy)
        return StoredMailDetail(
            mail: mail(row), copies: copies,
            events: try events(database, "e.message = ?", [message], order: "e.time, e.sequence", limit: maximumRows))
    }

    private static func copy(_ row: Row) -> StoredCopy {
        let recipient: Int = row[0]
        let isShared = recipient < 0
        return StoredCopy(
            recipient: isShared ? nil : recipient, address: row[1], status: row[2], delivered: row[3], opened: row[4],
            isOpenInferred: row[5], clicked: row[6], sharedBy: isShared ? row[7] : nil)
    }

    // MARK: Events

    static func events(_ database: Database, _ filter: EventFilter) throws -> [StoredEvent] {
        var conditions = ["e.sequence > ?"]
        var arguments: StatementArguments = [filter.after]
        if let before = filter.before {
            conditions.append("e.sequence < ?")
            arguments += [before]
        }
        if filter.since > 0 {
            conditions.append("e.time >= ?")
            arguments += [filter.since]
        }
        if let tag = filter.tag {
            conditions.append("IFNULL(m.tag, '') = ?")
            arguments += [tag]
        }
        if let kind = filter.kind {
            conditions.append("e.kind = ?")
            arguments += [kind]
        }
        return try events(
            database, conditions.joined(separator: " AND "), arguments,
            order: filter.before == nil ? "e.sequence" : "e.sequence DESC", limit: filter.limit)
    }

    static func events(
        _ database: Database, _ condition: String, _ arguments: StatementArguments, order: String = "e.sequence",
        limit: Int
    ) throws -> [StoredEvent] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT e.*, m.queue_id, m.tag, c.address, c.shared FROM event e LEFT JOIN message m ON m.id = e.message
                LEFT JOIN copy c ON c.message = e.message AND c.recipient = e.recipient
                WHERE \(condition) ORDER BY \(order) LIMIT \(limit)
                """, arguments: arguments
        ).map(event)
    }

    private static func event(_ row: Row) -> StoredEvent {
        let address: String? = row["address"]
        let recipient: Int? = row["recipient"]
        let isShared = (recipient ?? 0) < 0
        return StoredEvent(
            sequence: row["sequence"], time: row["time"], kind: row["kind"], message: hexadecimal(row["message"]),
            queueID: row["queue_id"], tag: row["tag"], recipient: isShared ? nil : recipient,
            address: address?.isEmpty == true ? nil : address, link: row["link"], url: row["url"],
            result: row["class"], evidence: row["evidence"], client: row["client"], agent: row["agent"],
            upstream: row["upstream"], reply: row["reply"], passedThrough: row["note"],
            sharedBy: isShared ? row["shared"] ?? 0 : nil)
    }

    private static func hexadecimal(_ id: Data) -> String { TrackingMessageID(bytes: Array(id))?.description ?? "" }
}
