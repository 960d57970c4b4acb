import Foundation
import GRDB
import Tracking
import TrackingEvents

/// Puts events into the tables and keeps the totals; used inside write transactions, by one thread.
///
/// What it remembers between transactions is only what the tables say; after a transaction that failed, or when another
/// process has written, ``forget()``.
final class EventWriter {
    /// Copies and mails of one generation; two are remembered, so that those in use stay.
    private static let generation = 32_768
    /// A copy with more hits is not judged anew when a burst or a late hit shows itself.
    static let maximumRecount = 2_000
    /// Sources of a copy whose latest clicks are remembered for the burst rule.
    private static let maximumSources = 1_024

    struct Mail {
        var tag = ""
        var privacy = Privacy.pseudonymous
    }

    struct CopyKey: Hashable {
        let message: TrackingMessageID
        let recipient: Int
    }

    /// A user agent: the line that speaks of it, what is kept of that where the agent is not, and its family.
    struct Agent {
        let place: Int
        let said: String
        let family: String
    }

    /// A copy's accounts, and its latest clicks for the burst rule.
    struct Copy {
        var ledger = CopyLedger()
        /// The upstream's first 250, tracked or not: what hits are judged by.
        var sent: Int64?
        var isErased = false
        /// Of each source, the links it went to lately, and when it last did.
        var recent: [String: [Int: Int64]] = [:]
        var hits = 0
        /// When the tracked copy was delivered, while it is reopened.
        var delivered: Int64?
    }

    let rules: HitRules
    var tally = EventTally()
    private var mails: [TrackingMessageID: Mail] = [:]
    private var copies: [CopyKey: Copy] = [:]
    private var olderCopies: [CopyKey: Copy] = [:]
    private var changed: Set<CopyKey> = []
    /// Copies that are judged and counted anew at the end of the group: once, however many hits ask for it.
    var reopened: [CopyKey: Mail] = [:]
    private var agents: [String: Agent] = [:]
    private let observe: (HitRecord, HitClass) -> Void

    /// - Parameter observe: called for each hit that was new.
    init(rules: HitRules, observe: @escaping (HitRecord, HitClass) -> Void = { _, _ in }) {
        self.rules = rules
        self.observe = observe
    }

    func forget() {
        mails.removeAll(keepingCapacity: true)
        copies.removeAll(keepingCapacity: true)
        olderCopies.removeAll()
        changed.removeAll(keepingCapacity: true)
        reopened.removeAll(keepingCapacity: true)
        tally.clear()
    }

    /// Stores events, each once whatever the journal says, and the totals they add to.
    /// - Returns: how many were new.
    func store(_ events: [(number: Int64, event: Event)], in database: Database) throws -> Int {
        var count = 0
        for (number, event) in events {
            let isNew =
                switch event {
                case .message(let record): try store(record, database)
                case .delivery(let record): try store(number, record, database)
                case .hit(let record): try store(number, record, database)
                }
            if isNew { count += 1 }
        }
        try writeBack(database)
        return count
    }

    func writeBack(_ database: Database) throws {
        for (key, mail) in reopened { try close(key, mail, database) }
        for key in changed {
            guard let copy = copies[key] else { continue }
            try database.cachedStatement(
                sql: """
                    INSERT INTO copy (message, recipient, sent, delivered, opened, inferred, clicked, last)
                    VALUES (?,?,?,?,?,?,?,?)
                    ON CONFLICT DO UPDATE SET sent = excluded.sent, delivered = excluded.delivered, opened = excluded.opened,
                        inferred = excluded.inferred, clicked = excluded.clicked, last = excluded.last
                    """
            ).execute(arguments: [
                Data(key.message.bytes), key.recipient, copy.sent, copy.ledger.delivered, copy.ledger.opened,
                copy.ledger.isOpenInferred, copy.ledger.clicked, copy.ledger.lastHit,
            ])
        }
        changed.removeAll(keepingCapacity: true)
        try tally.write(to: database)
        if copies.count > Self.generation {
            olderCopies = copies
            copies = [:]
        }
        if mails.count > Self.generation { mails.removeAll(keepingCapacity: true) }
    }

    // MARK: Mails

    private func store(_ record: MessageRecord, _ database: Database) throws -> Bool {
        let id = Data(record.message.bytes)
        try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO message (id, time, queue_id, tag, from_domain, subject, untracked, privacy)
                VALUES (?,?,?,?,?,?,?,?)
                """
        ).execute(arguments: [
            id, record.time, record.queueID, record.tag, record.fromDomain, record.subject, record.untracked,
            record.privacy.rawValue,
        ])
        guard database.changesCount > 0 else { return false }
        for (number, address) in record.recipients.enumerated() {
            try database.cachedStatement(
                sql: """
                    INSERT INTO copy (message, recipient, address) VALUES (?,?,?)
                    ON CONFLICT DO UPDATE SET address = excluded.address
                    """
            ).execute(arguments: [id, number, address])
        }
        mails[record.message] = Mail(tag: record.tag, privacy: record.privacy)
        tally.add(FigureChange(.accepted, at: record.time), record.tag)
        if record.untracked.isEmpty {
            tally.add(FigureChange(.tracked, at: record.time), record.tag)
        } else {
            tally.addReason(record.untracked, kind: "untracked", record.tag, at: record.time)
        }
        let hasEvents = try Bool.fetchOne(
            database.cachedStatement(sql: "SELECT EXISTS (SELECT 1 FROM event WHERE message = ?)"), arguments: [id])
        if hasEvents == true { try adopt(record, database) }
        return true
    }

    func mail(_ id: TrackingMessageID, _ database: Database) throws -> Mail {
        if let known = mails[id] { return known }
        let row = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT tag, privacy FROM message WHERE id = ?"),
            arguments: [Data(id.bytes)])
        // A mail that is not known, or not yet, or not on this node: hits are kept under no tag.
        let mail =
            row.map { Mail(tag: $0[0], privacy: Privacy(rawValue: $0[1]) ?? .pseudonymous) } ?? Mail()
        mails[id] = mail
        return mail
    }

    // MARK: Deliveries

    private func store(_ number: Int64, _ record: DeliveryRecord, _ database: Database) throws -> Bool {
        let mail = try mail(record.message, database)
        try database.cachedStatement(sql: Self.insertEvent).execute(arguments: [
            number, record.time, "delivery", Data(record.message.bytes),
            mail.privacy == .anonymous ? nil : record.recipient, nil, "", record.status, "", "", "", "", false, "",
            record.upstream, mail.privacy == .anonymous ? "" : record.reply, record.passedThrough,
            EventCoding.encode(record.links),
        ])
        guard database.changesCount > 0 else { return false }
        count(record.status, record.passedThrough, record.links, mail.tag, at: record.time, 1)
        if mail.privacy != .anonymous {
            try database.cachedStatement(
                sql: """
                    INSERT INTO copy (message, recipient, status) VALUES (?,?,?)
                    ON CONFLICT DO UPDATE SET status = excluded.status
                    """
            ).execute(arguments: [Data(record.message.bytes), record.recipient, record.status])
        }
        guard record.status == "sent" else { return true }
        if mail.privacy != .anonymous { try deliver(record, mail, database) }
        return true
    }

    /// Adds what a delivery adds, or takes it back.
    func count(
        _ status: String, _ passedThrough: String, _ links: [String: Int], _ tag: String, at time: Int64, _ sign: Int64
    ) {
        let figure: Figure =
            switch status {
            case "sent": .sent
            case "bounced", "expired": .failed
            default: .deferred
            }
        tally.add(FigureChange(figure, at: time), tag, sign)
        guard figure == .sent else { return }
        if !passedThrough.isEmpty {
            tally.addReason(passedThrough, kind: "passed-through", tag, at: time, count: sign)
        }
        for (outcome, count) in links {
            tally.addReason(outcome, kind: "link", tag, at: time, count: sign * Int64(count))
        }
    }

    private func deliver(_ record: DeliveryRecord, _ mail: Mail, _ database: Database) throws {
        let key = CopyKey(message: record.message, recipient: record.recipient)
        var copy = try self.copy(key, database)
        guard !copy.isErased else { return }
        let sent = min(copy.sent ?? record.time, record.time)
        let isEarlier = record.isTracked && record.time < copy.ledger.delivered ?? record.time
        // Whoever was here before the 250 is judged by it now; a delivery that was stored late counts from its own time.
        if copy.ledger.lastHit != nil && sent != copy.sent || isEarlier, copy.hits <= Self.maximumRecount {
            try reopen(key, mail, database)
        }
        if reopened[key] != nil {
            copy = try self.copy(key, database)
            copy.sent = sent
            if record.isTracked { copy.delivered = min(copy.delivered ?? record.time, record.time) }
        } else {
            copy.sent = sent
            if record.isTracked {
                for change in copy.ledger.deliver(at: record.time) { tally.add(change, mail.tag) }
            }
        }
        keep(copy, key)
    }

    // MARK: Hits

    private func store(_ number: Int64, _ record: HitRecord, _ database: Database) throws -> Bool {
        let mail = try mail(record.message, database)
        let agent = agent(record.agent)
        let request = rules.classify(
            HitFacts(isHead: record.isHead, agent: record.agent, purpose: record.purpose, client: record.client),
            agentAt: agent.place)
        let key = CopyKey(message: record.message, recipient: record.recipient)
        var copy = Copy()
        var kept = KeptHit(record, agent, mail.privacy)
        if kept.recipient != nil {
            copy = try self.copy(key, database)
            if copy.isErased { kept = KeptHit(record, agent, .anonymous) }
        }
        guard kept.recipient != nil else {
            guard try insert(number, record, kept, request, database) else { return false }
            tally.add(CopyLedger.anonymous(kept.counted(request.hitClass)), mail.tag)
            observe(record, request.hitClass)
            return true
        }
        var verdict = request
        let hit = JudgedHit(time: record.time, link: record.link, source: kept.source, request: request)
        if request == .human, let sent = copy.sent, let found = rules.verdict(at: record.time, delivered: sent) {
            verdict = found
        }
        let (isBurst, isNewBurst) = note(hit, in: &copy)
        let isLate = record.time < copy.ledger.lastHit ?? record.time
        if isLate || isNewBurst, copy.hits <= Self.maximumRecount { try reopen(key, mail, database) }
        let isReopened = reopened[key] != nil
        if isBurst, verdict == .human, !isReopened { verdict = rules.burstVerdict }
        guard try insert(number, record, kept, verdict, database) else { return false }
        if isReopened {
            copy.delivered = try self.copy(key, database).delivered
        } else {
            tally.add(copy.ledger.take(kept.counted(verdict.hitClass)), mail.tag)
        }
        copy.hits += 1
        keep(copy, key)
        observe(record, isBurst ? .scanner : verdict.hitClass)
        return true
    }

    /// Remembers a click for the burst rule.
    /// - Returns: whether it is one of a burst, and whether earlier hits are to be judged again for it.
    func note(_ hit: JudgedHit, in copy: inout Copy) -> (isBurst: Bool, isNew: Bool) {
        guard let burst = rules.burst, hit.request == .human, let link = hit.link, !hit.source.isEmpty else {
            return (false, false)
        }
        if copy.recent[hit.source] == nil, copy.recent.count >= Self.maximumSources { copy.recent.removeAll() }
        var links = copy.recent[hit.source] ?? [:]
        links = links.filter { $0.value >= hit.time - burst.milliseconds }
        let before = links.count
        links[link] = max(links[link] ?? hit.time, hit.time)
        copy.recent[hit.source] = links
        return (links.count >= burst.links, links.count >= burst.links && before < burst.links)
    }

    /// What the latest clicks were.
    func noteLatest(_ hits: [JudgedHit], in copy: inout Copy) {
        copy.recent.removeAll()
        guard let last = hits.last?.time, let burst = rules.burst else { return }
        for hit in hits where hit.time >= last - burst.milliseconds { _ = note(hit, in: &copy) }
    }

    private static let insertEvent = """
        INSERT OR IGNORE INTO event (number, time, kind, message, recipient, link, url, class, evidence, client, agent,
            purpose, head, said, upstream, reply, note, links) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
        """

    private func insert(
        _ number: Int64, _ record: HitRecord, _ kept: KeptHit, _ verdict: HitVerdict, _ database: Database
    ) throws -> Bool {
        try database.cachedStatement(sql: Self.insertEvent).execute(arguments: [
            number, record.time, record.kind == .open ? "open" : "click", Data(record.message.bytes), kept.recipient,
            record.link, kept.url, verdict.hitClass.rawValue, verdict.evidence, kept.client, kept.agent,
            record.purpose, record.isHead, kept.said, "", "", "", "",
        ])
        return database.changesCount > 0
    }

    /// What is worked out of an agent, which many hits share.
    private func agent(_ text: String) -> Agent {
        if let known = agents[text] { return known }
        if agents.count > 4_096 { agents.removeAll(keepingCapacity: true) }
        let place = rules.place(ofAgent: text)
        let said = rules.agentVerdict(at: place).map { "\($0.hitClass.rawValue) \($0.evidence)" } ?? ""
        let agent = Agent(place: place, said: said, family: Pseudonym.agent(text))
        agents[text] = agent
        return agent
    }

    // MARK: Copies

    func keep(_ copy: Copy, _ key: CopyKey) {
        copies[key] = copy
        changed.insert(key)
    }

    func copy(_ key: CopyKey, _ database: Database) throws -> Copy {
        if let known = copies[key] ?? olderCopies[key] { return known }
        let row = try Row.fetchOne(
            database.cachedStatement(
                sql: """
                    SELECT delivered, opened, inferred, clicked, last, erased, sent FROM copy
                    WHERE message = ? AND recipient = ?
                    """), arguments: [Data(key.message.bytes), key.recipient])
        guard let row else { return Copy() }
        var copy = Copy()
        copy.ledger = CopyLedger(
            delivered: row[0], opened: row[1], isOpenInferred: row[2], clicked: row[3], lastHit: row[4])
        copy.isErased = row[5]
        copy.sent = row[6]
        guard copy.ledger.lastHit != nil else { return copy }
        let hits = try StoredHit.of(key, database, limit: Self.maximumRecount + 1)
        copy.hits = hits.count
        for hit in hits { copy.ledger.remember(hit.counted) }
        noteLatest(hits.map(\.judged), in: &copy)
        return copy
    }
}
