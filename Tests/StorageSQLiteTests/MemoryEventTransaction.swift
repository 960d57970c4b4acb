import Tracking

@testable import TrackingEvents

/// What ``EventTransaction`` asks for, over dictionaries.
final class MemoryEvents: EventTransaction {
    enum Body {
        case delivery(KeptDelivery)
        case hit(HitRow, StoredHit)
    }
    struct Stored {
        let number: Int64
        var body: Body
    }
    struct State {
        var mails: [TrackingMessageID: KnownMail] = [:]
        /// By mail, in the order of storing.
        var events: [TrackingMessageID: [Stored]] = [:]
        var numbers: Set<Int64> = []
        /// Of each hit, by its sequence.
        var places: [Int64: (message: TrackingMessageID, index: Int)] = [:]
        var copies: [CopyKey: CopyRow] = [:]
        var totals = Totals()
    }
    var state = State()
    let version = 1

    func insert(_ mail: MessageRecord) -> Bool {
        guard state.mails[mail.message] == nil else { return false }
        state.mails[mail.message] = KnownMail(mail)
        for (number, address) in mail.recipients.enumerated() {
            state.copies[CopyKey(message: mail.message, recipient: number), default: CopyRow()].address = address
        }
        return true
    }

    func mail(_ id: TrackingMessageID) -> KnownMail? { state.mails[id] }
    func share(_ id: TrackingMessageID) { state.mails[id]?.isShared = true }
    func hasEvents(_ message: TrackingMessageID) -> Bool { state.events[message] != nil }

    private func insert(_ body: Body, _ number: Int64, _ message: TrackingMessageID) -> Bool {
        guard state.numbers.insert(number).inserted else { return false }
        state.events[message, default: []].append(Stored(number: number, body: body))
        return true
    }

    func insert(_ delivery: KeptDelivery) -> Bool {
        let record = delivery.record
        guard insert(.delivery(delivery), delivery.number, record.message) else { return false }
        guard !delivery.isNobodys else { return true }
        let key = CopyKey(message: record.message, recipient: record.recipient)
        state.copies[key, default: CopyRow()].status = record.status
        return true
    }

    func deliveries(of message: TrackingMessageID) -> [CountedDelivery] {
        (state.events[message] ?? []).compactMap { event in
            guard case .delivery(let delivery) = event.body else { return nil }
            return CountedDelivery(
                delivery.record, at: Moment(time: delivery.record.time, day: delivery.day))
        }
    }

    func insert(_ hit: KeptHit) -> Bool {
        let row = HitRow(
            message: hit.message, recipient: hit.recipient, verdict: hit.verdict, said: hit.said, client: hit.client,
            agent: hit.agent, url: hit.url, day: hit.moment.day, count: hit.count)
        let facts = HitFacts(isHead: hit.isHead, agent: hit.agent, purpose: hit.purpose, client: hit.client)
        let stored = StoredHit(
            sequence: Int64(state.numbers.count), moment: hit.moment, link: hit.link, url: hit.url, facts: facts,
            said: hit.said, verdict: hit.verdict, count: hit.count)
        guard insert(.hit(row, stored), hit.number, hit.message) else { return false }
        state.places[stored.sequence] = (hit.message, (state.events[hit.message]?.count ?? 0) - 1)
        return true
    }

    func hits(of message: TrackingMessageID, _ recipient: Int?, since time: Int64) -> [StoredHit] {
        (state.events[message] ?? []).compactMap { event in
            guard case .hit(let row, let hit) = event.body, row.recipient == recipient else { return nil }
            return hit.counted.moment.time >= time ? hit : nil
        }.sorted { ($0.counted.moment.time, $0.sequence) < ($1.counted.moment.time, $1.sequence) }
    }

    func firstOnPages(of copy: CopyKey) -> [StoredHit] {
        hits(of: copy.message, copy.recipient, since: .min).filter { $0.count.contains(.firstOnPage) }
    }

    func eventCount(of copy: CopyKey, limit: Int) -> Int {
        let deliveries = (state.events[copy.message] ?? []).filter {
            guard case .delivery(let delivery) = $0.body else { return false }
            return !delivery.isNobodys && delivery.record.recipient == copy.recipient
        }
        return min(limit, hits(of: copy.message, copy.recipient, since: .min).count + deliveries.count)
    }

    /// Goes through all that happened to a mail.
    func change(_ message: TrackingMessageID, _ body: (inout Body) -> Void) {
        guard var events = state.events[message] else { return }
        for place in events.indices { body(&events[place].body) }
        state.events[message] = events
    }

    func replace(_ hit: StoredHit) {
        guard let place = state.places[hit.sequence] else { return }
        if case .hit(let row, _) = state.events[place.message]?[place.index].body {
            state.events[place.message]?[place.index].body = .hit(row, hit)
        }
    }

    func moveHits(of copy: CopyKey, to recipient: Int) {
        change(copy.message) { body in
            guard case .hit(var row, let hit) = body, row.recipient == copy.recipient else { return }
            row.recipient = recipient
            body = .hit(row, hit)
        }
    }

    func copy(_ key: CopyKey) -> CopyAccount? { state.copies[key]?.account }

    func put(_ copy: CopyAccount, _ key: CopyKey) {
        let isErased = state.copies[key]?.account.isErased ?? false
        state.copies[key, default: CopyRow()].account = copy
        state.copies[key]?.account.isErased = isErased
    }

    func copies(of message: TrackingMessageID, withHitsOnly: Bool) -> [CopyKey] {
        var keys = Set(withHitsOnly ? [] : state.copies.keys.filter { $0.message == message })
        for event in state.events[message] ?? [] {
            switch event.body {
            case .hit(let row, _): row.recipient.map { _ = keys.insert(CopyKey(message: message, recipient: $0)) }
            case .delivery: break
            }
        }
        return Array(keys)
    }

    func makeAnonymous(_ copy: CopyKey) {
        change(copy.message) { body in
            switch body {
            case .hit(var row, let hit):
                guard row.recipient == copy.recipient else { return }
                (row.recipient, row.client, row.agent) = (nil, "", "")
                var facts = hit.facts
                (facts.client, facts.agent) = ("", "")
                body = .hit(
                    row,
                    StoredHit(
                        sequence: hit.sequence, moment: hit.counted.moment, link: hit.counted.link,
                        url: hit.counted.url, facts: facts, said: hit.said, verdict: hit.verdict, count: hit.count))
            case .delivery(let delivery):
                guard delivery.record.recipient == copy.recipient else { return }
                body = .delivery(
                    KeptDelivery(
                        number: delivery.number, record: delivery.record, day: delivery.day, isNobodys: true))
            }
        }
        state.copies[copy] = nil
    }

    func add(_ figures: Figures, to bucket: EventTally.Bucket) {
        state.totals.figures[bucket, default: Figures()] += figures
    }

    func add(_ clicks: EventTally.Clicks, to page: EventTally.Page) -> Bool {
        guard let known = state.totals.pages[page] else { return false }
        state.totals.pages[page] = EventTally.Clicks(
            count: known.count + clicks.count, unique: known.unique + clicks.unique)
        return true
    }

    func insert(_ page: EventTally.Page, _ clicks: EventTally.Clicks) { state.totals.pages[page] = clicks }

    func pageCount(tag: String, day: Int64) -> Int {
        state.totals.pages.keys.count { $0.tag == tag && $0.day == day }
    }

    func add(_ count: Int64, to reason: EventTally.Reason) { state.totals.reasons[reason, default: 0] += count }
}
