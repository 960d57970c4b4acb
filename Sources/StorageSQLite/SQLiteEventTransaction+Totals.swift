import GRDB
import TrackingEvents

extension SQLiteEventTransaction {
    private static let (addToMinute, addToDay) = (sums("minute"), sums("day"))

    private static func sums(_ table: String) -> String {
        let names = Figure.allCases.map(\.rawValue)
        let marks = names.map { _ in "?" }.joined(separator: ",")
        let sums = names.map { "\($0) = \($0) + excluded.\($0)" }.joined(separator: ", ")
        return "INSERT INTO \(table) (bucket, tag, \(names.joined(separator: ", "))) VALUES (?,?,\(marks)) "
            + "ON CONFLICT DO UPDATE SET \(sums)"
    }

    func add(_ figures: Figures, to bucket: EventTally.Bucket) throws {
        try execute(
            bucket.isDay ? Self.addToDay : Self.addToMinute,
            [bucket.number, bucket.tag] + StatementArguments(figures.counts))
    }

    func add(_ clicks: EventTally.Clicks, to page: EventTally.Page) throws -> Bool {
        try execute(
            """
            UPDATE link SET clicks = clicks + ?, unique_clicks = unique_clicks + ? WHERE tag = ? AND day = ? AND page = ?
            """, [clicks.count, clicks.unique, page.tag, page.day, page.page])
        return database.changesCount > 0
    }

    func insert(_ page: EventTally.Page, _ clicks: EventTally.Clicks) throws {
        try execute(
            "INSERT INTO link (tag, day, page, clicks, unique_clicks) VALUES (?,?,?,?,?)",
            [page.tag, page.day, page.page, clicks.count, clicks.unique])
    }

    func pageCount(tag: String, day: Int64) throws -> Int {
        try Int.fetchOne(
            database.cachedStatement(sql: "SELECT COUNT(*) FROM link WHERE tag = ? AND day = ?"),
            arguments: [tag, day]) ?? 0
    }

    func add(_ count: Int64, to reason: EventTally.Reason) throws {
        try execute(
            """
            INSERT INTO reason (tag, day, kind, reason, count) VALUES (?,?,?,?,?)
            ON CONFLICT DO UPDATE SET count = count + excluded.count
            """, [reason.tag, reason.day, reason.kind, reason.reason, count])
    }
}
