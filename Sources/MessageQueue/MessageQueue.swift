import DequeModule

/// What an attempt came to for one recipient.
public enum RecipientOutcome: Sendable, Hashable {
    case delivered(String)
    case deferred(String)
    case failed(String)
}

/// A message that one worker has; nobody else gets it until it is settled.
public struct Lease: Sendable {
    /// The message as it was when it was leased.
    public let message: QueuedMessage
    /// Its content, where it is still in memory.
    let content: [UInt8]?
}

/// What became of a message at the end of an attempt.
public struct Settlement: Sendable {
    /// Recipients that ran out of time with this attempt.
    public var expired: [QueuedRecipient] = []
    /// When the next attempt is due, in milliseconds since 1970; `nil` when nothing waits any more.
    public var nextAttempt: Int64?
}

/// What a queue holds, for metrics.
public struct QueueStatistics: Sendable {
    /// Messages ready in memory.
    public var ready = 0
    /// Messages with a worker.
    public var leased = 0
    /// Octets of contents in memory.
    public var cachedOctets = 0
}

/// The durable queue: FIFO per upstream, leases, retries. Whatever the backlog, memory and work per message are bounded.
///
/// Fresh messages go to a worker from memory; beyond ``readyLimit`` they stay in the store and are paged in.
public actor MessageQueue {
    /// Messages of one upstream ready in memory.
    private static let readyLimit = 2_000
    /// Octets of contents kept in memory between commit and delivery.
    private static let cacheLimit = 24 << 20

    private struct Ready {
        let message: QueuedMessage
        let content: [UInt8]?
    }

    private struct Lane {
        var ready: Deque<Ready> = []
        var waiters: Deque<(number: Int, continuation: CheckedContinuation<Lease?, Never>)> = []
        var hasMoreInStore = true
        var isRefilling = false
        /// Settled while the store was being asked: its answer may still name them.
        var settledMeanwhile: Set<QueueID> = []
        var pausedUntil: Int64 = 0
    }

    private nonisolated let store: any QueueStore
    private let schedule: RetrySchedule
    private let now: @Sendable () -> Int64
    private var generator = SystemRandomNumberGenerator()
    private var lanes: [String: Lane]
    private var leased: Set<QueueID> = []
    private var cachedOctets = 0
    private var lastID: QueueID?
    private var nextWake: Int64?
    private var lastChangeCount = 0
    private var waiterNumber = 0
    private var isStopped = false

    /// A queue over a store.
    /// - Parameters:
    ///   - upstreams: names of the upstreams; `default` is among them.
    ///   - now: milliseconds since 1970.
    public init(
        store: any QueueStore, upstreams: [String], schedule: RetrySchedule, now: @escaping @Sendable () -> Int64
    ) {
        self.store = store
        self.schedule = schedule
        self.now = now
        lanes = Dictionary(uniqueKeysWithValues: upstreams.map { ($0, Lane()) })
    }

    /// Opens the store.
    /// - Throws: ``QueueError``.
    public func start() async throws -> QueueRecovery {
        let recovery = try await store.open()
        try await store.reassign(unless: Array(lanes.keys), to: "default")
        lastChangeCount = try await store.changeCount()
        nextWake = try await store.nextDue(after: now())
        return recovery
    }

    /// A place for a large content.
    /// - Throws: ``QueueError``.
    public nonisolated func makeSpill() throws -> any QueueSpill { try store.makeSpill() }

    /// The id of the next message: content that names it can be made before it is committed.
    public func makeID() -> QueueID {
        let id = QueueID(now: now(), after: lastID, using: &generator)
        lastID = id
        return id
    }

    /// Takes a message; returns once it is durable.
    /// - Throws: ``QueueError``.
    public func submit(_ new: NewMessage, id: QueueID, content: QueueContent) async throws {
        let upstream = lanes[new.upstream] == nil ? "default" : new.upstream
        var message = QueuedMessage(new, id: id, expires: new.arrival + schedule.lifetime)
        message.upstream = upstream
        message = try await store.commit(message, content)
        guard var lane = lanes[upstream], !isStopped else { return }
        guard lane.ready.count < Self.readyLimit, !lane.hasMoreInStore else {
            // Older ones wait in the store: the order is kept by paging.
            lane.hasMoreInStore = true
            lanes[upstream] = lane
            return wake(upstream)
        }
        var kept: [UInt8]?
        if case .memory(let bytes) = content, cachedOctets + bytes.count <= Self.cacheLimit {
            kept = bytes
            cachedOctets += bytes.count
        }
        lane.ready.append(Ready(message: message, content: kept))
        lanes[upstream] = lane
        wake(upstream)
    }

    // MARK: Leases

    /// The next message that is due, once there is one; `nil` after ``stop()`` or when the task is cancelled.
    public func next(_ upstream: String) async -> Lease? {
        guard !isStopped, lanes[upstream] != nil else { return nil }
        if let lease = take(upstream) { return lease }
        waiterNumber += 1
        let number = waiterNumber
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !isStopped, !Task.isCancelled else { return continuation.resume(returning: nil) }
                lanes[upstream]?.waiters.append((number, continuation))
                wake(upstream)
            }
        } onCancel: {
            Task { await self.cancelWaiter(number, upstream) }
        }
    }

    private func cancelWaiter(_ number: Int, _ upstream: String) {
        guard let index = lanes[upstream]?.waiters.firstIndex(where: { $0.number == number }) else { return }
        lanes[upstream]?.waiters.remove(at: index).continuation.resume(returning: nil)
    }

    private func take(_ upstream: String) -> Lease? {
        guard let lane = lanes[upstream], lane.pausedUntil <= now() else { return nil }
        while let ready = lanes[upstream]?.ready.popFirst() {
            if let content = ready.content { cachedOctets -= content.count }
            guard leased.insert(ready.message.id).inserted else { continue }
            return Lease(message: ready.message, content: ready.content)
        }
        return nil
    }

    /// Hands ready messages to waiting workers, and pages in more where few are left.
    private func wake(_ upstream: String) {
        while lanes[upstream]?.waiters.isEmpty == false, let lease = take(upstream) {
            lanes[upstream]?.waiters.removeFirst().continuation.resume(returning: lease)
        }
        guard let lane = lanes[upstream], lane.hasMoreInStore, !lane.isRefilling,
            lane.ready.count < Self.readyLimit / 4,
            lane.pausedUntil <= now(), !isStopped
        else { return }
        lanes[upstream]?.isRefilling = true
        Task { await refill(upstream) }
    }

    private func refill(_ upstream: String) async {
        let known = leased.count + (lanes[upstream]?.ready.count ?? 0)
        let limit = Self.readyLimit / 2 + known
        // Set again by whoever commits past the limit meanwhile.
        lanes[upstream]?.hasMoreInStore = false
        let found = try? await store.due(upstream, before: now(), limit: limit)
        let settled = lanes[upstream]?.settledMeanwhile ?? []
        lanes[upstream]?.settledMeanwhile = []
        lanes[upstream]?.isRefilling = false
        guard let found else {
            lanes[upstream]?.hasMoreInStore = true
            return
        }
        let inMemory = Set(lanes[upstream]?.ready.map(\.message.id) ?? [])
        let fresh = found.filter { !inMemory.contains($0.id) && !leased.contains($0.id) && !settled.contains($0.id) }
        if found.count == limit { lanes[upstream]?.hasMoreInStore = true }
        guard !fresh.isEmpty else { return }
        // What was committed while the store was asked stands in memory already, in front of what is older.
        let all = (lanes[upstream]?.ready ?? []) + fresh.map { Ready(message: $0, content: nil) }
        lanes[upstream]?.ready = Deque(
            all.sorted { ($0.message.nextAttempt, $0.message.id) < ($1.message.nextAttempt, $1.message.id) })
        wake(upstream)
    }

    /// The content of a leased message.
    /// - Throws: ``QueueError``; a damaged message is kept, marked, and not offered again.
    public func content(of lease: Lease) async throws -> [UInt8] {
        if let content = lease.content { return content }
        do {
            return try await store.content(of: lease.message)
        } catch let error as QueueError {
            if case .damaged = error {
                var message = lease.message
                message.isDamaged = true
                store.update(message)
                leased.remove(message.id)
            }
            throw error
        }
    }

    // MARK: Outcomes

    /// Keeps what was reached so far; the lease goes on.
    public func progress(_ lease: Lease, _ outcomes: [Int: RecipientOutcome]) {
        var message = lease.message
        Self.apply(outcomes, to: &message)
        store.update(message)
    }

    /// Ends a lease with an outcome for each recipient that was tried (by number).
    public func settle(_ lease: Lease, _ outcomes: [Int: RecipientOutcome]) -> Settlement {
        var message = lease.message
        var settlement = Settlement()
        Self.apply(outcomes, to: &message)
        leased.remove(message.id)
        if lanes[message.upstream]?.isRefilling == true { lanes[message.upstream]?.settledMeanwhile.insert(message.id) }
        guard !message.waiting.isEmpty else {
            store.remove(message.id)
            return settlement
        }
        message.attempts += 1
        let time = now()
        if time >= message.expires {
            settlement.expired = message.waiting
            store.remove(message.id)
            return settlement
        }
        message.nextAttempt = min(time + schedule.wait(after: message.attempts, using: &generator), message.expires)
        settlement.nextAttempt = message.nextAttempt
        store.update(message)
        nextWake = min(nextWake ?? .max, message.nextAttempt)
        return settlement
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

    /// Leaves an upstream alone for a while; its mail waits without being touched.
    public func pause(_ upstream: String, until time: Int64) { lanes[upstream]?.pausedUntil = time }

    // MARK: Time

    /// To be called every quarter of a second or so: pages in what has become due, and notices what other processes did.
    public func tick() async {
        guard !isStopped else { return }
        if let count = try? await store.changeCount(), count != lastChangeCount {
            lastChangeCount = count
            for name in lanes.keys { forgetReady(name) }
            nextWake = 0
        }
        let time = now()
        let isDue = nextWake.map { $0 <= time } ?? false
        if isDue {
            for name in lanes.keys { lanes[name]?.hasMoreInStore = true }
            nextWake = .max
            let upcoming = try? await store.nextDue(after: time)
            nextWake = min(nextWake ?? .max, upcoming.flatMap { $0 } ?? .max)
        }
        for name in lanes.keys { wake(name) }
    }

    private func forgetReady(_ name: String) {
        for ready in lanes[name]?.ready ?? [] { cachedOctets -= ready.content?.count ?? 0 }
        lanes[name]?.ready.removeAll()
        lanes[name]?.hasMoreInStore = true
    }

    /// Figures for metrics.
    public var statistics: QueueStatistics {
        QueueStatistics(
            ready: lanes.values.reduce(0) { $0 + $1.ready.count }, leased: leased.count, cachedOctets: cachedOctets)
    }

    /// Sends the waiting workers home; what is leased may still be settled.
    public func stop() {
        isStopped = true
        for name in lanes.keys {
            while let waiter = lanes[name]?.waiters.popFirst() { waiter.continuation.resume(returning: nil) }
        }
    }

    /// Writes what is queued and closes the store.
    public func close() async { await store.close() }
}
