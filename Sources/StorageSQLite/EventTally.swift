import GRDB
import TrackingEvents

/// What a group of events adds to the totals; written once, at the end of its transaction.
struct EventTally {
    /// Different pages of a tag and day that are told apart; the rest is counted together.
    static let maximumPages = 1_000
    static let otherPages = "(other pages)"

    private struct Bucket: Hashable {
        let number: Int64
        let tag: String
    }
    private struct Page: Hashable {
        let tag: String
        let day: Int64
        let page: String
    }
    private struct Reason: Hashable {
        let tag: String
        let day: Int64
        let kind: String
        let reason: String
    }

    private var minutes: [Bucket: Figures] = [:]
    private var days: [Bucket: Figures] = [:]
    private var pages: [Page: (clicks: Int64, unique: Int64)] = [:]
    private var reasons: [Reason: Int64] = [:]
    private var calendar = LocalTime()

    /// - Parameter sign: -1 takes back what was added before.
    mutating func add(_ change: FigureChange, _ tag: String, _ sign: Int64 = 1) {
        minutes[Bucket(number: change.time / 60_000, tag: tag), default: Figures()][change.figure] += sign
        days[Bucket(number: calendar.day(of: change.time), tag: tag), default: Figures()][change.figure] += sign
    }

    mutating func add(_ changes: HitChanges, _ tag: String, _ sign: Int64 = 1) {
        for change in changes.figures { add(change, tag, sign) }
        guard let link = changes.link else { return }
        let page = Page(tag: tag, day: calendar.day(of: link.time), page: link.page)
        pages[page, default: (0, 0)].clicks += sign
        if link.isFirst { pages[page, default: (0, 0)].unique += sign }
    }

    mutating func addReason(_ reason: String, kind: String, _ tag: String, at time: Int64, count: Int64 = 1) {
        reasons[Reason(tag: tag, day: calendar.day(of: time), kind: kind, reason: reason), default: 0] += count
    }

    mutating func write(to database: Database) throws {
        for (bucket, figures) in minutes { try Self.write(figures, "minute", bucket, database) }
        for (bucket, figures) in days { try Self.write(figures, "day", bucket, database) }
        for (page, counts) in pages { try Self.write(page, counts, database) }
        for (reason, count) in reasons where count != 0 {
            try database.cachedStatement(
                sql: """
                    INSERT INTO reason (tag, day, kind, reason, count) VALUES (?,?,?,?,?)
                    ON CONFLICT DO UPDATE SET count = count + excluded.count
                    """
            ).execute(arguments: [reason.tag, reason.day, reason.kind, reason.reason, count])
        }
        clear()
    }

    mutating func clear() {
        minutes.removeAll(keepingCapacity: true)
        days.removeAll(keepingCapacity: true)
        pages.removeAll(keepingCapacity: true)
        reasons.removeAll(keepingCapacity: true)
    }

    private static func write(_ figures: Figures, _ table: String, _ bucket: Bucket, _ database: Database) throws {
        guard !figures.isZero else { return }
        let names = Figure.allCases.map(\.rawValue)
        let marks = names.map { _ in "?" }.joined(separator: ",")
        let sums = names.map { "\($0) = \($0) + excluded.\($0)" }.joined(separator: ", ")
        try database.cachedStatement(
            sql: "INSERT INTO \(table) (bucket, tag, \(names.joined(separator: ", "))) VALUES (?,?,\(marks)) "
                + "ON CONFLICT DO UPDATE SET \(sums)"
        ).execute(arguments: [bucket.number, bucket.tag] + StatementArguments(figures.counts))
    }

    private static func write(_ page: Page, _ counts: (clicks: Int64, unique: Int64), _ database: Database) throws {
        guard counts.clicks != 0 || counts.unique != 0 else { return }
        func update(_ name: String) throws -> Bool {
            try database.cachedStatement(
                sql: """
                    UPDATE link SET clicks = clicks + ?, unique_clicks = unique_clicks + ?
                    WHERE tag = ? AND day = ? AND page = ?
                    """
            ).execute(arguments: [counts.clicks, counts.unique, page.tag, page.day, name])
            return database.changesCount > 0
        }
        if try update(page.page) { return }
        let known =
            try Int.fetchOne(
                database.cachedStatement(sql: "SELECT COUNT(*) FROM link WHERE tag = ? AND day = ?"),
                arguments: [page.tag, page.day]) ?? 0
        let name = known < maximumPages && counts.clicks > 0 ? page.page : otherPages
        if name == otherPages, try update(name) { return }
        try database.cachedStatement(
            sql: "INSERT INTO link (tag, day, page, clicks, unique_clicks) VALUES (?,?,?,?,?)"
        ).execute(arguments: [page.tag, page.day, name, counts.clicks, counts.unique])
    }
}
