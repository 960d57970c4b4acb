import Foundation
import GRDB
import Tracking
import TrackingEvents

extension SQLiteEventTransaction {
    private static let insertEvent = """
        INSERT OR IGNORE INTO event (number, time, kind, message, recipient, link, url, class, evidence, basis, client,
            agent, purpose, head, said, upstream, reply, note, links, day, counted)
            VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
        """

    // MARK: Deliveries

    func insert(_ delivery: KeptDelivery) throws -> Bool {
        let record = delivery.record
        let message = Data(record.message.bytes)
        try execute(
            Self.insertEvent,
            [
                delivery.number, record.time, "delivery", message, delivery.isNobodys ? nil : record.recipient, nil, "",
                record.status, "", HitBasis.line.rawValue, "", "", "", false, "", record.upstream, record.reply,
                record.passedThrough, EventCoding.encode(record.links), delivery.day, 0,
            ])
        guard database.changesCount > 0 else { return false }
        guard !delivery.isNobodys else { return true }
        try execute(
            """
            INSERT INTO copy (message, recipient, status) VALUES (?,?,?)
            ON CONFLICT DO UPDATE SET status = excluded.status
            """, [message, record.recipient, record.status])
        return true
    }

    func deliveries(of message: TrackingMessageID) throws -> [CountedDelivery] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: "SELECT time, day, class, note, links FROM event WHERE message = ? AND kind = 'delivery'"),
            arguments: [Data(message.bytes)]
        ).map { row in
            CountedDelivery(
                moment: Moment(time: row[0], day: row[1]), status: row[2], passedThrough: row[3],
                links: EventCoding.links(row[4]))
        }
    }

    // MARK: Hits

    func insert(_ hit: KeptHit) throws -> Bool {
        try execute(
            Self.insertEvent,
            [
                hit.number, hit.moment.time, hit.kind == .open ? "open" : "click", Data(hit.message.bytes),
                hit.recipient, hit.link, hit.url, hit.verdict.hitClass.rawValue, hit.verdict.evidence,
                hit.verdict.basis.rawValue, hit.client, hit.agent, hit.purpose, hit.isHead, hit.said?.said ?? "", "",
                "", "", "", hit.moment.day, hit.count.rawValue,
            ])
        return database.changesCount > 0
    }

    private static let columns =
        "sequence, time, day, link, url, head, agent, purpose, client, said, class, evidence, basis, counted"

    func hits(of message: TrackingMessageID, _ recipient: Int?, since time: Int64) throws -> [StoredHit] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT \(Self.columns) FROM event
                    WHERE message = ? AND recipient IS ? AND time >= ? AND kind <> 'delivery' ORDER BY time, sequence
                    """), arguments: [Data(message.bytes), recipient, time]
        ).map(Self.hit)
    }

    func firstOnPages(of copy: CopyKey) throws -> [StoredHit] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: "SELECT \(Self.columns) FROM event WHERE message = ? AND recipient = ? AND counted & 32"),
            arguments: [Data(copy.message.bytes), copy.recipient]
        ).map(Self.hit)
    }

    func eventCount(of copy: CopyKey, limit: Int) throws -> Int {
        try Int.fetchOne(
            database.cachedStatement(
                sql: "SELECT COUNT(*) FROM (SELECT 1 FROM event WHERE message = ? AND recipient = ? LIMIT ?)"),
            arguments: [Data(copy.message.bytes), copy.recipient, limit]) ?? 0
    }

    // By place: a look-up by name costs more than the row.
    private static func hit(_ row: Row) -> StoredHit {
        StoredHit(
            sequence: row[0], moment: Moment(time: row[1], day: row[2]), link: row[3], url: row[4],
            facts: HitFacts(isHead: row[5], agent: row[6], purpose: row[7], client: row[8]),
            said: HitVerdict(said: row[9]),
            // A basis of a later version is left as it is, like a line of the rules.
            verdict: HitVerdict(
                HitClass(rawValue: row[10]) ?? .human, row[11], HitBasis(rawValue: row[12]) ?? .line),
            count: HitCount(rawValue: row[13]))
    }

    func replace(_ hit: StoredHit) throws {
        try execute(
            "UPDATE event SET class = ?, evidence = ?, basis = ?, counted = ?, url = ? WHERE sequence = ?",
            [
                hit.verdict.hitClass.rawValue, hit.verdict.evidence, hit.verdict.basis.rawValue, hit.count.rawValue,
                hit.counted.url, hit.sequence,
            ])
    }

    func moveHits(of copy: CopyKey, to recipient: Int) throws {
        try execute(
            "UPDATE event SET recipient = ? WHERE message = ? AND recipient = ? AND kind <> 'delivery'",
            [recipient, Data(copy.message.bytes), copy.recipient])
    }
}
