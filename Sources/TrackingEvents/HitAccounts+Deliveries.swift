import Tracking

extension HitAccounts {
    func take(_ number: Int64, _ record: DeliveryRecord, _ store: some EventTransaction) throws -> Bool {
        let mail = try mail(record.message, store)
        let moment = moment(record.time)
        let own = CopyKey(message: record.message, recipient: record.recipient)
        let isNobodys = mail.privacy == .anonymous
        var kept = KeptDelivery(number: number, record: record, day: moment.day, isNobodys: isNobodys)
        // The upstream may name the recipient in its reply.
        if try isNobodys || copy(own, store).isErased { kept.record.reply = "" }
        guard try store.insert(kept) else { return false }
        tally.add(CountedDelivery(record, at: moment), mail.tag)
        guard !isNobodys, record.status == "sent" else { return true }
        guard let shared = record.shared else {
            try deliver(own, at: moment, isTracked: record.isTracked, mail, store)
            return true
        }
        try deliver(own, at: moment, isTracked: false, mail, store)
        if !mail.isShared { try share(record.message, mail, store) }
        // Its hits are judged by the first 250 for any of its recipients.
        let key = CopyKey(message: record.message, token: shared.number, isShared: true)
        var copy = try self.copy(key, store)
        copy.sharedBy = max(copy.sharedBy, shared.recipients)
        keep(copy, key)
        try deliver(key, at: moment, isTracked: record.isTracked, mail, store)
        return true
    }

    /// A mail that was accepted before its record could say so.
    private func share(_ message: TrackingMessageID, _ mail: KnownMail, _ store: some EventTransaction) throws {
        var shared = mail
        shared.isShared = true
        remember(shared, of: message)
        try store.share(message)
    }

    private func deliver(
        _ key: CopyKey, at moment: Moment, isTracked: Bool, _ mail: KnownMail, _ store: some EventTransaction
    ) throws {
        var copy = try self.copy(key, store)
        guard !copy.isErased else { return }
        let sent = min(copy.sent ?? moment.time, moment.time)
        let isEarlier = isTracked && moment.time < copy.ledger.delivered?.time ?? moment.time
        // Whoever was here before the 250 is judged by it now; a delivery that was stored late counts from its own time.
        if copy.ledger.lastHit != nil && sent != copy.sent || isEarlier, copy.hits <= Self.maximumRecount {
            try reopen(key, mail, store)
        }
        if reopened[key] != nil {
            copy = try self.copy(key, store)
            if isTracked, moment.time < copy.delivered?.time ?? Int64.max { copy.delivered = moment }
        } else if isTracked {
            for change in copy.ledger.deliver(at: moment) { tally.add(change, mail.tag) }
        }
        copy.sent = sent
        keep(copy, key)
    }
}
