/// What attempts came to.
extension MessageQueue {
    /// Keeps what was reached so far, and what is told of it; the lease goes on.
    public func progress(_ lease: Lease, _ outcomes: [Int: RecipientOutcome], telling records: [[UInt8]] = []) {
        var message = lease.message
        Self.apply(outcomes, to: &message)
        store.update(message, telling: records)
    }

    /// Ends a lease with an outcome for each recipient that was tried (by number).
    /// - Parameter records: says what is told of it.
    public func settle(
        _ lease: Lease, _ outcomes: [Int: RecipientOutcome],
        telling records: @Sendable (Settlement) -> [[UInt8]] = { _ in [] }
    ) -> Settlement {
        var message = lease.message
        var settlement = Settlement()
        Self.apply(outcomes, to: &message)
        release(message)
        message.attempts += 1
        if !message.waiting.isEmpty {
            let time = clock.now
            if time >= message.expires, message.attempts >= schedule.leastAttempts {
                settlement.expired = message.waiting
                message.expire()
            } else {
                let next = time + schedule.wait(after: message.attempts, using: &generator)
                message.nextAttempt = time < message.expires ? min(next, message.expires) : next
                settlement.nextAttempt = message.nextAttempt
                nextWake = min(nextWake ?? .max, message.nextAttempt)
            }
        }
        if message.waiting.isEmpty { settlement.failed = message.recipients.filter { $0.state == .failed } }
        let told = records(settlement)
        if message.waiting.isEmpty, !settlement.isKept {
            store.remove(message.id, telling: told)
        } else {
            store.update(message, telling: told)
        }
        return settlement
    }

    func release(_ message: QueuedMessage) {
        leased.remove(message.id)
        inMemory.remove(message.id)
        if lanes[message.upstream]?.isRefilling == true { lanes[message.upstream]?.settledMeanwhile.insert(message.id) }
    }

    private static func apply(_ outcomes: [Int: RecipientOutcome], to message: inout QueuedMessage) {
        for index in message.recipients.indices {
            switch outcomes[message.recipients[index].number] {
            case .delivered(let reply):
                message.recipients[index].state = .delivered
                message.recipients[index].lastReply = reply
            case .failed(let reply):
                message.recipients[index].state = .failed
                message.recipients[index].lastReply = reply
            case .deferred(let reply): message.recipients[index].lastReply = reply
            case nil: continue
            }
        }
    }
}
