import Foundation
import GRDB
import Tracking
import TrackingEvents

/// A hit as it stands in the table.
struct StoredHit {
    let sequence: Int64
    let recipient: Int?
    var counted: CountedHit
    var verdict: HitVerdict
    var facts: HitFacts
    /// What the rules said of the whole agent; `nil` where that is kept, or no rule spoke.
    let said: HitVerdict?

    // By place: a look-up by name costs more than the row.
    init(_ row: Row) {
        sequence = row[0]
        recipient = row[1]
        facts = HitFacts(isHead: row[9], agent: row[7], purpose: row[8], client: row[6])
        let source = facts.client.isEmpty && facts.agent.isEmpty ? "" : "\(facts.client) \(facts.agent)"
        verdict = HitVerdict(HitClass(rawValue: row[4]) ?? .human, row[5])
        let words = (row[10] as String).split(separator: " ", maxSplits: 1).map(String.init)
        said = words.count == 2 ? HitClass(rawValue: words[0]).map { HitVerdict($0, words[1]) } : nil
        counted = CountedHit(
            time: row[2], link: row[3], url: row[11], source: source, hitClass: verdict.hitClass)
    }

    var judged: JudgedHit {
        JudgedHit(
            time: counted.time, link: counted.link, source: counted.source, request: HitRules.requestVerdict(verdict))
    }

    private static let columns =
        "sequence, recipient, time, link, class, evidence, client, agent, purpose, head, said, url"

    /// The latest hits of a copy, in the order of time.
    static func of(_ key: EventWriter.CopyKey, _ database: Database, limit: Int) throws -> [StoredHit] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT \(columns) FROM event WHERE message = ? AND recipient = ? AND kind <> 'delivery'
                    ORDER BY time DESC, sequence DESC LIMIT ?
                    """), arguments: [Data(key.message.bytes), key.recipient, limit]
        ).reversed().map(StoredHit.init)
    }

    /// All hits of a message that no copy is known of.
    static func nobodys(_ message: TrackingMessageID, _ database: Database) throws -> [StoredHit] {
        try Row.fetchAll(
            database.cachedStatement(
                sql: """
                    SELECT \(columns) FROM event WHERE message = ? AND recipient IS NULL AND kind <> 'delivery'
                    """), arguments: [Data(message.bytes)]
        ).map(StoredHit.init)
    }
}

extension EventWriter {
    /// Takes back what a copy's hits have added; they are counted again when the group ends.
    func reopen(_ key: CopyKey, _ mail: Mail, _ database: Database) throws {
        guard reopened[key] == nil else { return }
        var copy = try self.copy(key, database)
        _ = add(try StoredHit.of(key, database, limit: Int.max), copy.ledger.delivered, mail.tag, -1)
        copy.delivered = copy.ledger.delivered
        keep(copy, key)
        reopened[key] = mail
    }

    /// Judges and counts a reopened copy's hits from the raw rows.
    func close(
        _ key: CopyKey, _ mail: Mail, _ database: Database, verdicts: (StoredHit) -> HitVerdict? = { _ in nil }
    ) throws {
        var copy = try self.copy(key, database)
        var hits = try StoredHit.of(key, database, limit: Int.max)
        var judged = hits.map(\.judged)
        for (index, hit) in hits.enumerated() {
            if let verdict = verdicts(hit) { judged[index].request = verdict }
        }
        for (index, verdict) in rules.judge(judged, delivered: copy.sent).enumerated()
        where hits[index].verdict != verdict {
            try rewrite(&hits[index], verdict, database)
        }
        copy.ledger = add(hits, copy.delivered, mail.tag, 1)
        copy.delivered = nil
        copy.hits = hits.count
        noteLatest(judged, in: &copy)
        keep(copy, key)
        reopened[key] = nil
    }

    func rewrite(_ hit: inout StoredHit, _ verdict: HitVerdict, _ database: Database) throws {
        hit.verdict = verdict
        hit.counted.hitClass = verdict.hitClass
        try database.cachedStatement(sql: "UPDATE event SET class = ?, evidence = ? WHERE sequence = ?").execute(
            arguments: [verdict.hitClass.rawValue, verdict.evidence, hit.sequence])
    }

    /// Adds or takes back what a copy's hits and its delivery add.
    func add(_ hits: [StoredHit], _ delivered: Int64?, _ tag: String, _ sign: Int64) -> CopyLedger {
        var ledger = CopyLedger()
        if let delivered {
            for change in ledger.deliver(at: delivered) { tally.add(change, tag, sign) }
        }
        for hit in hits { tally.add(ledger.take(hit.counted), tag, sign) }
        return ledger
    }

    /// What came before its mail was known moves under its tag and its policy.
    func adopt(_ record: MessageRecord, _ database: Database) throws {
        let id = Data(record.message.bytes)
        for (key, mail) in reopened where key.message == record.message { try close(key, mail, database) }
        for row in try Row.fetchAll(
            database, sql: "SELECT time, class, note, links FROM event WHERE message = ? AND kind = 'delivery'",
            arguments: [id])
        {
            let links = EventCoding.links(row[3])
            count(row[1], row[2], links, "", at: row[0], -1)
            count(row[1], row[2], links, record.tag, at: row[0], 1)
        }
        for recipient in try Int.fetchAll(
            database, sql: "SELECT recipient FROM copy WHERE message = ?", arguments: [id])
        {
            let key = CopyKey(message: record.message, recipient: recipient)
            var copy = try self.copy(key, database)
            let hits = try StoredHit.of(key, database, limit: Int.max)
            _ = add(hits, copy.ledger.delivered, "", -1)
            guard record.privacy != .anonymous else {
                // What is nobody's is judged by its request alone.
                for var hit in hits {
                    let request = HitRules.requestVerdict(hit.verdict)
                    if request != hit.verdict { try rewrite(&hit, request, database) }
                    tally.add(CopyLedger.anonymous(hit.counted), record.tag)
                }
                continue
            }
            copy.ledger = add(hits, copy.ledger.delivered, record.tag, 1)
            keep(copy, key)
        }
        for hit in try StoredHit.nobodys(record.message, database) {
            tally.add(CopyLedger.anonymous(hit.counted), "", -1)
            tally.add(CopyLedger.anonymous(hit.counted), record.tag)
        }
        guard record.privacy == .anonymous else { return }
        try writeBack(database)
        try database.execute(
            sql: """
                UPDATE event SET recipient = NULL, client = '', agent = '', reply = '',
                    url = CASE instr(url, '?') WHEN 0 THEN url ELSE substr(url, 1, instr(url, '?') - 1) END
                WHERE message = ?
                """, arguments: [id])
        try database.execute(sql: "DELETE FROM copy WHERE message = ?", arguments: [id])
        forget()
    }

    /// Judges all hits of a message by the rules as they are now.
    /// - Returns: how many hits have another class or evidence.
    func reclassify(_ message: TrackingMessageID, _ database: Database) throws -> Int {
        let mail = try mail(message, database)
        let before = database.totalChangesCount
        let recipients = try Int.fetchAll(
            database,
            sql: """
                SELECT DISTINCT e.recipient FROM event e LEFT JOIN copy c USING (message, recipient)
                WHERE e.message = ? AND e.recipient IS NOT NULL AND e.kind <> 'delivery' AND IFNULL(c.erased, 0) = 0
                """, arguments: [Data(message.bytes)])
        for recipient in recipients {
            let key = CopyKey(message: message, recipient: recipient)
            try reopen(key, mail, database)
            try close(key, mail, database, verdicts: { self.verdict(on: $0, mail.privacy) })
        }
        return database.totalChangesCount - before
    }

    /// By the request as far as it is kept: where only the agent's family is, what the agent rules said then stands.
    private func verdict(on hit: StoredHit, _ privacy: Privacy) -> HitVerdict {
        guard privacy != .full else { return rules.classify(hit.facts) }
        return rules.classify(hit.facts, agentVerdict: hit.said ?? .human)
    }
}
