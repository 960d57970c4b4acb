import MessageQueue
import Synchronization

/// A queue over a store in memory, with a clock that is set by hand.
struct Setting {
    let store = MemoryStore()
    let time = Clock()
    let queue: MessageQueue

    final class Clock: Sendable {
        let now = Mutex<Int64>(1_000)
    }

    init(waits: [Int64] = [100, 200], lifetime: Int64 = 1_000) {
        let time = time
        queue = MessageQueue(
            store: store, upstreams: ["default", "other"], schedule: RetrySchedule(waits: waits, lifetime: lifetime),
            now: { 1_000 }, uptime: { time.now.withLock { $0 } - 1_000 })
    }

    func submit(_ upstream: String = "default", recipients: [String] = ["a@b.test"]) async throws -> QueueID {
        let id = await queue.makeID()
        let now = time.now.withLock { $0 }
        let new = NewMessage(arrival: now, upstream: upstream, reversePath: "", recipients: recipients, octets: 1)
        try await queue.submit(new, id: id, content: .memory([7]))
        return id
    }
}
