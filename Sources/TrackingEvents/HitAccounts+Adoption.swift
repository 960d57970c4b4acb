import Tracking

extension HitAccounts {
    /// What came before its mail was known moves under its tag and its policy.
    func adopt(_ message: TrackingMessageID, _ mail: KnownMail, _ store: some EventTransaction) throws {
        for (key, mail) in reopened where key.message == message { try close(key, mail, store) }
        for delivery in try store.deliveries(of: message) {
            tally.add(delivery, KnownMail.unknown.tag, -1)
            tally.add(delivery, mail.tag)
        }
        for hit in try store.hits(of: message, nil, since: .min) {
            let changes = hit.count.changes(of: hit.counted)
            tally.add(changes, KnownMail.unknown.tag, -1)
            tally.add(changes, mail.tag)
        }
        // Those of this group are not in the store yet.
        var keys = Set(try store.copies(of: message, withHitsOnly: false))
        keys.formUnion(changed.filter { $0.message == message })
        for key in keys { try reopen(key, .unknown, store) }
        if mail.privacy == .anonymous { return try makeAnonymous(keys, mail, store) }
        if mail.isShared { try share(&keys, store) }
        for key in keys { try close(key, mail, store) }
    }

    /// Moves hits from the recipient whose number the tokens carry to the copy that several share.
    private func share(_ keys: inout Set<CopyKey>, _ store: some EventTransaction) throws {
        for key in keys where key.recipient >= 0 {
            guard try !store.hits(of: key.message, key.recipient, since: .min).isEmpty else { continue }
            let shared = CopyKey(message: key.message, token: key.recipient, isShared: true)
            // Before it gets hits of another one, which are taken back already.
            try reopen(shared, .unknown, store)
            try store.moveHits(of: key, to: shared.recipient)
            keys.insert(shared)
        }
    }

    /// What is nobody's is judged by its request alone.
    private func makeAnonymous(_ keys: Set<CopyKey>, _ mail: KnownMail, _ store: some EventTransaction) throws {
        for key in keys {
            for stored in try store.hits(of: key.message, key.recipient, since: .min) {
                var hit = stored.with(stored.verdict.byRequest, [])
                hit.count = .anonymous(hit.counted)
                hit.counted.url = CopyLedger.page(of: hit.counted.url)
                try store.replace(hit)
                tally.add(hit.count.changes(of: hit.counted), mail.tag)
            }
            try store.makeAnonymous(key)
            drop(key)
        }
    }
}
