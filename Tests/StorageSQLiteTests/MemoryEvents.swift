import Tracking

@testable import TrackingEvents

/// Events in memory.
final class MemoryEventStore: EventStore {
    private let events = MemoryEvents()

    func write<Result>(_ body: (any EventTransaction) throws -> Result) throws -> Result {
        let before = events.state
        do {
            return try body(events)
        } catch {
            events.state = before
            throw error
        }
    }

    func erase(_ message: TrackingMessageID) throws {
        for (key, _) in events.state.copies where key.message == message {
            events.state.copies[key]?.account.isErased = true
            events.state.copies[key]?.address = ""
        }
        events.change(message) { event in
            guard case .hit(var row, let stored) = event else { return }
            (row.client, row.agent, row.url) = ("", "", "")
            event = .hit(row, stored.keeping(row))
        }
    }

    func totals() -> Totals {
        var totals = events.state.totals
        totals.copies = events.state.copies
        for event in events.state.events.values.joined() {
            if case .hit(let row, let stored) = event.body {
                totals.hits[event.number] = row.with(stored)
            }
        }
        return totals.withoutZeros
    }
}

extension StoredHit {
    /// The same hit with what is kept of its request now.
    fileprivate func keeping(_ row: HitRow) -> StoredHit {
        var facts = facts
        (facts.client, facts.agent) = (row.client, row.agent)
        return StoredHit(
            sequence: sequence, moment: counted.moment, link: counted.link, url: row.url, facts: facts, said: said,
            verdict: verdict, count: count)
    }
}

extension HitRow {
    fileprivate func with(_ hit: StoredHit) -> HitRow {
        var row = self
        (row.verdict, row.count, row.url) = (hit.verdict, hit.count, hit.counted.url)
        return row
    }
}
