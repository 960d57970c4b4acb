public import Tracking

extension HitAccounts.Copy {
    /// What is stored of it.
    var account: CopyAccount {
        var account = CopyAccount()
        account.sent = sent
        account.delivered = ledger.delivered
        account.opened = ledger.opened
        account.isOpenInferred = ledger.isOpenInferred
        account.clicked = ledger.clicked
        account.lastHit = ledger.lastHit
        account.sharedBy = sharedBy
        account.isErased = isErased
        return account
    }
}

extension HitAccounts {
    /// A copy as the store has it: the same, hit by hit, as one that was never forgotten. What is read is bounded by the
    /// hits of an hour, or of a burst's time, whatever the copy has in all.
    func storedCopy(_ key: CopyKey, _ store: some EventTransaction) throws -> Copy {
        var copy = Copy()
        guard let account = try store.copy(key) else { return copy }
        copy.ledger = CopyLedger(
            delivered: account.delivered, opened: account.opened, isOpenInferred: account.isOpenInferred,
            clicked: account.clicked, lastHit: account.lastHit)
        copy.isErased = account.isErased
        copy.sent = account.sent
        copy.sharedBy = account.sharedBy
        guard let last = account.lastHit else { return copy }
        copy.hits = try store.eventCount(of: key, limit: Self.maximumRecount + 1)
        let burst = rules.burst?.milliseconds ?? 0
        let hits = try store.hits(of: key.message, key.recipient, since: last - max(CopyLedger.clickPause, burst))
        for hit in hits where hit.counted.moment.time > last - CopyLedger.clickPause {
            copy.ledger.remember(hit.counted, hit.count)
        }
        for hit in try store.firstOnPages(of: key) {
            copy.ledger.remember(hit.counted, hit.count.intersection(.firstOnPage))
        }
        for hit in hits where hit.counted.moment.time >= last - burst {
            _ = copy.judgement.take(hit.judged, delivered: copy.sent, rules)
        }
        return copy
    }

    /// Takes back what a copy's hits and its delivery have added; they are counted again when the group ends.
    func reopen(_ key: CopyKey, _ mail: KnownMail, _ store: some EventTransaction) throws {
        guard reopened[key] == nil else { return }
        var copy = try self.copy(key, store)
        for hit in try store.hits(of: key.message, key.recipient, since: .min) {
            tally.add(hit.count.changes(of: hit.counted), mail.tag, -1)
        }
        for change in copy.ledger.deliveryChanges { tally.add(change, mail.tag, -1) }
        copy.delivered = copy.ledger.delivered
        keep(copy, key)
        reopened[key] = mail
    }

    /// Judges and counts a reopened copy's hits from what is stored of each.
    /// - Returns: how many hits have another class or evidence.
    @discardableResult
    func close(
        _ key: CopyKey, _ mail: KnownMail, _ store: some EventTransaction,
        requests: (StoredHit) -> HitVerdict = { $0.verdict.byRequest }
    ) throws -> Int {
        var copy = try self.copy(key, store)
        let hits = try store.hits(of: key.message, key.recipient, since: .min)
        let judged = hits.map { hit in
            var judged = hit.judged
            judged.request = requests(hit)
            return judged
        }
        var changed = 0
        copy.ledger = CopyLedger()
        if let delivered = copy.delivered {
            for change in copy.ledger.deliver(at: delivered) { tally.add(change, mail.tag) }
        }
        for (hit, verdict) in zip(hits, copy.judgement.takeAll(judged, delivered: copy.sent, rules)) {
            let (count, changes) = copy.ledger.take(hit.with(verdict, []).counted)
            tally.add(changes, mail.tag)
            if hit.verdict != verdict { changed += 1 }
            if hit.verdict != verdict || hit.count != count { try store.replace(hit.with(verdict, count)) }
        }
        copy.delivered = nil
        copy.hits = hits.count
        keep(copy, key)
        reopened[key] = nil
        return changed
    }

    /// Judges all hits of a message by the rules as they are now.
    /// - Returns: how many hits have another class or evidence.
    public func reclassify(_ message: TrackingMessageID, in store: some EventTransaction) throws -> Int {
        let mail = try mail(message, store)
        var changed = 0
        for key in try store.copies(of: message, withHitsOnly: true) {
            guard try !copy(key, store).isErased else { continue }
            try reopen(key, mail, store)
            changed += try close(key, mail, store) { self.verdict(on: $0, mail.privacy) }
        }
        return changed
    }

    /// By the request as far as it is kept: where only the agent's family is, what the agent rules said then stands.
    private func verdict(on hit: StoredHit, _ privacy: Privacy) -> HitVerdict {
        guard privacy != .full else { return rules.classify(hit.facts) }
        return rules.classify(hit.facts, agentVerdict: hit.said ?? .human)
    }
}
