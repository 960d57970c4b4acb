import DequeModule

/// What time brings: pauses, mail that becomes due, changes that others made; and how the queue is.
extension MessageQueue {
    /// Leaves an upstream alone for a while; its mail waits without being touched.
    public func pause(_ upstream: String, for wait: Duration) {
        let milliseconds = min(max(wait, .zero), .seconds(365 * 86_400)) / .milliseconds(1)
        lanes[upstream]?.pausedUntil = clock.uptime() + Int64(milliseconds.rounded(.up))
    }

    /// To be called every quarter of a second or so: pages in what has become due, and notices what other processes did.
    public func tick() async {
        guard !isStopped else { return }
        // Before the store is asked: it may be long in answering.
        if !owesTooMuch { owesSince = nil } else if owesSince == nil { owesSince = clock.uptime() }
        do {
            if try await store.wasChangedByOthers() { recall(nil) }
            let time = clock.now
            if let wake = nextWake, wake <= time {
                for name in lanes.keys { lanes[name]?.hasMoreInStore = true }
                nextWake = nil
                let upcoming = try await store.nextDue(Array(lanes.keys), after: time)
                if let upcoming { nextWake = min(nextWake ?? .max, upcoming) }
            }
            trouble = nil
        } catch {
            trouble = "\(error)"
            nextWake = 0
        }
        for name in lanes.keys { wake(name) }
    }

    /// Figures for metrics.
    public var statistics: QueueStatistics {
        QueueStatistics(
            ready: lanes.values.reduce(0) { $0 + $1.ready.count }, leased: leased.count, cachedOctets: cachedOctets,
            unwritten: store.unwritten)
    }

    /// What keeps the queue from its work, in words for people; `nil` where nothing does.
    public var complaint: String? {
        let isStuck = owesTooMuch && owesSince.map { clock.uptime() - $0 >= Self.slowStore } == true
        let count = isStuck ? store.owed : store.unwritten
        guard count > 0 else { return trouble }
        return "what became of \(count) \(count == 1 ? "mail" : "mails") cannot be written; "
            + (isStuck ? "nothing is sent until it can" : "they are not sent again until it can")
    }
}
