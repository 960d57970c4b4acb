import Tracking

/// The law of the figures: what is kept of an event, what a hit is taken for and counts as, and what that adds to the
/// totals, whatever the order in which events are stored. Works inside the write transactions of a store, in one thread.
///
/// What it remembers between transactions is only what the store says; after a transaction that failed ``forget()``.
public final class HitAccounts {
    /// Copies and mails of one generation; two are remembered, so that those in use stay.
    private static let generation = 32_768
    /// A copy with more hits is not judged anew when a burst or a late hit shows itself; `events reclassify` does it.
    static let maximumRecount = 20_000

    /// A copy's accounts, and what its latest clicks say of those to come.
    struct Copy {
        var ledger = CopyLedger()
        /// The upstream's first 250, tracked or not: what hits are judged by.
        var sent: Int64?
        var isErased = false
        var judgement = CopyJudgement()
        var hits = 0
        /// When the tracked copy was delivered, while it is reopened.
        var delivered: Moment?
        /// How many recipients share it; 0 where it is one recipient's own.
        var sharedBy = 0
    }

    let rules: HitRules
    var tally = EventTally()
    private var calendar: LocalTime
    private var observations: [(hit: HitRecord, hitClass: HitClass)] = []
    private var version: Int?
    /// Numbers of the hits of the latest group of which nothing is kept that tells who made them.
    public private(set) var nobodys: Set<Int64> = []
    private var mails: [TrackingMessageID: KnownMail] = [:]
    private var copies: [CopyKey: Copy] = [:]
    private var olderCopies: [CopyKey: Copy] = [:]
    /// Copies that the store does not have as they are.
    private(set) var changed: Set<CopyKey> = []
    /// Copies that are judged and counted anew at the end of the group: once, however many hits ask for it.
    var reopened: [CopyKey: KnownMail] = [:]
    private var agents: KnownAgents
    private let observe: (HitRecord, HitClass) -> Void

    /// Accounts that know nothing but the store.
    /// - Parameters:
    ///   - calendar: says which day something counts in, once and for all.
    ///   - observe: called for each hit that was new and is stored.
    public init(
        rules: HitRules, calendar: LocalTime = LocalTime(),
        observe: @escaping (HitRecord, HitClass) -> Void = { _, _ in }
    ) {
        self.rules = rules
        self.calendar = calendar
        self.observe = observe
        agents = KnownAgents(rules)
    }

    func moment(_ time: Int64) -> Moment { calendar.moment(time) }

    /// Forgets everything the store may not have.
    public func forget() {
        mails.removeAll(keepingCapacity: true)
        copies.removeAll(keepingCapacity: true)
        olderCopies.removeAll()
        changed.removeAll(keepingCapacity: true)
        reopened.removeAll(keepingCapacity: true)
        observations.removeAll(keepingCapacity: true)
        tally.clear()
    }

    /// Forgets what somebody else may have changed; the first thing in a transaction.
    public func begin(_ store: some EventTransaction) throws {
        let found = try store.version
        if found != version { forget() }
        version = found
    }

    /// The transaction is committed: only now its hits are told of, for they come again where it failed.
    public func committed() {
        for observation in observations { observe(observation.hit, observation.hitClass) }
        observations.removeAll(keepingCapacity: true)
    }

    /// Stores events, each once whatever the journal says, and the totals they add to.
    /// - Returns: how many were new.
    public func store(_ events: [(number: Int64, event: Event)], in store: some EventTransaction) throws -> Int {
        var count = 0
        nobodys.removeAll(keepingCapacity: true)
        for (number, event) in events {
            let isNew =
                switch event {
                case .message(let record): try take(record, store)
                case .delivery(let record): try take(number, record, store)
                case .hit(let record): try take(number, record, store)
                }
            if isNew { count += 1 }
        }
        try finish(store)
        return count
    }

    /// Brings everything to the store; the last thing in a transaction.
    public func finish(_ store: some EventTransaction) throws {
        for (key, mail) in reopened { try close(key, mail, store) }
        for key in changed {
            guard let copy = copies[key] else { continue }
            try store.put(copy.account, key)
        }
        changed.removeAll(keepingCapacity: true)
        try tally.write(to: store)
        if copies.count > Self.generation {
            olderCopies = copies
            copies = [:]
        }
        if mails.count > Self.generation { mails.removeAll(keepingCapacity: true) }
    }

    // MARK: Mails

    private func take(_ record: MessageRecord, _ store: some EventTransaction) throws -> Bool {
        guard try store.insert(record) else { return false }
        let mail = KnownMail(record)
        remember(mail, of: record.message)
        let moment = moment(record.time)
        tally.add(FigureChange(.accepted, at: moment), record.tag)
        if mail.isTracked {
            tally.add(FigureChange(.tracked, at: moment), record.tag)
        } else {
            tally.addReason(record.untracked, kind: "untracked", record.tag, day: moment.day)
        }
        if try store.hasEvents(record.message) { try adopt(record.message, mail, store) }
        return true
    }

    func remember(_ mail: KnownMail, of id: TrackingMessageID) { mails[id] = mail }

    func mail(_ id: TrackingMessageID, _ store: some EventTransaction) throws -> KnownMail {
        if let known = mails[id] { return known }
        let mail = try store.mail(id) ?? .unknown
        mails[id] = mail
        return mail
    }

    // MARK: Hits

    private func take(_ number: Int64, _ record: HitRecord, _ store: some EventTransaction) throws -> Bool {
        let mail = try mail(record.message, store)
        let agent = agents[record.agent]
        let moment = moment(record.time)
        let request = rules.classify(
            HitFacts(isHead: record.isHead, agent: record.agent, purpose: record.purpose, client: record.client),
            agentAt: agent.place)
        var copy = Copy()
        var hit = KeptHit(number, record, at: moment, agent, mail)
        if let recipient = hit.recipient {
            copy = try self.copy(CopyKey(message: record.message, recipient: recipient), store)
            if copy.isErased {
                var nobody = mail
                nobody.privacy = .anonymous
                hit = KeptHit(number, record, at: moment, agent, nobody)
            }
        }
        hit.verdict = request
        guard let recipient = hit.recipient else {
            hit.count = .anonymous(hit.counted)
            nobodys.insert(number)
            guard try store.insert(hit) else { return false }
            tally.add(hit.count.changes(of: hit.counted), mail.tag)
            observations.append((record, request.hitClass))
            return true
        }
        let key = CopyKey(message: record.message, recipient: recipient)
        let judged = JudgedHit(time: record.time, link: record.link, source: hit.source, request: request)
        let (verdict, burst) = copy.judgement.take(judged, delivered: copy.sent, rules)
        let isLate = record.time < copy.ledger.lastHit ?? record.time
        if isLate || burst == .first, copy.hits <= Self.maximumRecount { try reopen(key, mail, store) }
        var changes = HitChanges()
        // A reopened copy's hits are judged and counted when the group ends.
        let isReopened = reopened[key] != nil
        if !isReopened {
            hit.verdict = verdict
            (hit.count, changes) = copy.ledger.take(hit.counted)
        }
        guard try store.insert(hit) else { return false }
        if isReopened { copy.delivered = try self.copy(key, store).delivered }
        tally.add(changes, mail.tag)
        copy.hits += 1
        keep(copy, key)
        observations.append((record, verdict.hitClass))
        return true
    }

    // MARK: Copies

    func keep(_ copy: Copy, _ key: CopyKey) {
        copies[key] = copy
        changed.insert(key)
    }

    /// A copy is another one, or none: what is remembered of it is that no more.
    func drop(_ key: CopyKey) {
        copies[key] = nil
        olderCopies[key] = nil
        changed.remove(key)
        reopened[key] = nil
    }

    func copy(_ key: CopyKey, _ store: some EventTransaction) throws -> Copy {
        if let known = copies[key] ?? olderCopies[key] { return known }
        let copy = try storedCopy(key, store)
        // Whoever comes next must not read it again.
        copies[key] = copy
        return copy
    }
}
