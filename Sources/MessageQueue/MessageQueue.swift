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

/// The durable queue: FIFO per upstream, leases, retries. Whatever the backlog, memory and work per message are bounded.
///
/// Fresh messages go to a worker from memory; beyond ``readyLimit`` they stay in the store and are paged in.
public actor MessageQueue {
    /// Messages of one upstream ready in memory.
    private static let readyLimit = 2_000
    /// Octets of contents kept in memory between commit and delivery.
    private static let cacheLimit = 24 << 20
    /// Outcomes that the store may owe before delivery waits: each is a mail that a crash would send again.
    static let owedLimit = 64
    /// Milliseconds that it may owe more before that is trouble.
    static let slowStore: Int64 = 1_000

    struct Ready {
        let message: QueuedMessage
        let content: [UInt8]?
    }

    struct Lane {
        var ready: Deque<Ready> = []
        var waiters: Deque<(number: Int, continuation: CheckedContinuation<Lease?, Never>)> = []
        var hasMoreInStore = true
        var isRefilling = false
        /// Settled while the store was being asked: its answer may still name them.
        var settledMeanwhile: Set<QueueID> = []
        /// Another process changed the store while it was being asked: its answer is of before.
        var isStale = false
        /// Of the clock that nobody sets.
        var pausedUntil: Int64 = 0
    }

    nonisolated let store: any QueueStore
    let schedule: RetrySchedule
    let clock: QueueClock
    var generator = SystemRandomNumberGenerator()
    var lanes: [String: Lane]
    var leased: Set<QueueID> = []
    /// All that are on their way in, ready or leased. Whoever enters an id here, and nobody else, may offer the message.
    var inMemory: Set<QueueID> = []
    var cachedOctets = 0
    private var lastID: QueueID?
    var nextWake: Int64?
    /// How often others, or the desk, have changed what may be in memory.
    var revision = 0
    private var waiterNumber = 0
    var isStopped = false
    /// Somebody waits for the store to write what it owes.
    private var isAwaitingStore = false
    /// Since when a tick has found it owing too much.
    var owesSince: Int64?
    /// Why the store could not be asked the last time.
    var trouble: String?

    /// A queue over a store.
    /// - Parameters:
    ///   - upstreams: names of the upstreams; `default` is among them.
    ///   - now: milliseconds since 1970, asked once.
    ///   - uptime: milliseconds of a clock that only goes forward; all waits are measured by it.
    public init(
        store: any QueueStore, upstreams: [String], schedule: RetrySchedule, now: @Sendable () -> Int64,
        uptime: (@Sendable () -> Int64)? = nil
    ) {
        self.store = store
        self.schedule = schedule
        clock = QueueClock(wall: now(), uptime: uptime ?? QueueClock.system)
        lanes = Dictionary(uniqueKeysWithValues: upstreams.map { ($0, Lane()) })
    }

    /// Opens the store.
    /// - Throws: ``QueueError``.
    public func start() async throws -> QueueRecovery {
        let recovery = try await store.open()
        lastID = recovery.youngest
        try await store.reassign(unless: Array(lanes.keys), to: "default")
        _ = try await store.wasChangedByOthers()
        nextWake = try await store.nextDue(Array(lanes.keys), after: clock.now)
        return recovery
    }

    /// A place for a large content.
    /// - Throws: ``QueueError``.
    public nonisolated func makeSpill() throws -> any QueueSpill { try store.makeSpill() }

    /// The id of the next message: content that names it can be made before it is committed.
    public func makeID() -> QueueID {
        let id = QueueID(now: clock.now, after: lastID, using: &generator)
        lastID = id
        return id
    }

    /// Takes a message; returns once it is durable.
    /// - Parameter records: what is told of it then.
    /// - Throws: ``QueueError``.
    public func submit(
        _ new: NewMessage, id: QueueID, content: QueueContent, telling records: [[UInt8]] = []
    ) async throws {
        let upstream = lanes[new.upstream] == nil ? "default" : new.upstream
        var message = QueuedMessage(new, id: id, expires: clock.now + schedule.lifetime)
        message.nextAttempt = clock.now
        message.upstream = upstream
        // A page that finds the row before this call goes on leaves the message to it.
        guard inMemory.insert(id).inserted else { throw QueueError.storageFailed("\(id) is in the queue already") }
        message.octets = content.count
        let revision = self.revision
        do {
            switch content {
            case .memory(let bytes): try await store.commit(message, bytes, telling: records)
            case .spilled(let spill): try await spill.commit(message, telling: records)
            }
        } catch {
            inMemory.remove(id)
            throw error
        }
        // Somebody may have held or deleted the row already.
        offer(message, content, isKnown: revision == self.revision)
    }

    private func offer(_ message: QueuedMessage, _ content: QueueContent, isKnown: Bool) {
        defer { wake(message.upstream) }
        guard let lane = lanes[message.upstream], !isStopped, isKnown, lane.ready.count < Self.readyLimit,
            !lane.hasMoreInStore
        else {
            // Older ones wait in the store: the order is kept by paging.
            inMemory.remove(message.id)
            lanes[message.upstream]?.hasMoreInStore = true
            return
        }
        var kept: [UInt8]?
        if case .memory(let bytes) = content, cachedOctets + bytes.count <= Self.cacheLimit {
            kept = bytes
            cachedOctets += bytes.count
        }
        lanes[message.upstream]?.ready.append(Ready(message: message, content: kept))
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
        guard let lane = lanes[upstream], isOpen(lane) else { return nil }
        while let ready = lanes[upstream]?.ready.popFirst() {
            if let content = ready.content { cachedOctets -= content.count }
            guard leased.insert(ready.message.id).inserted else { continue }
            return Lease(message: ready.message, content: ready.content)
        }
        return nil
    }

    private func isOpen(_ lane: Lane) -> Bool {
        lane.pausedUntil <= clock.uptime() && !owesTooMuch
    }

    var owesTooMuch: Bool { store.owed > Self.owedLimit }

    /// A store that is slow, or that another process holds, is not a reason to wait for the next tick.
    private func awaitStore() {
        guard !isAwaitingStore, !isStopped else { return }
        isAwaitingStore = true
        Task {
            // A question about nothing: its turn comes behind all that is owed. What it fails with, the next tick finds too.
            _ = try? await store.nextDue([], after: 0)
            isAwaitingStore = false
            guard !owesTooMuch else { return }
            for name in lanes.keys { wake(name) }
        }
    }

    /// Hands ready messages to waiting workers, and pages in more where few are left.
    func wake(_ upstream: String) {
        guard !owesTooMuch else { return awaitStore() }
        while lanes[upstream]?.waiters.isEmpty == false, let lease = take(upstream) {
            lanes[upstream]?.waiters.removeFirst().continuation.resume(returning: lease)
        }
        guard let lane = lanes[upstream], lane.hasMoreInStore, !lane.isRefilling,
            lane.ready.count < Self.readyLimit / 4,
            isOpen(lane), !isStopped
        else { return }
        lanes[upstream]?.isRefilling = true
        Task { await refill(upstream) }
    }

    private func refill(_ upstream: String) async {
        let others = lanes.reduce(0) { $0 + ($1.key == upstream ? 0 : $1.value.ready.count) }
        let limit = Self.readyLimit / 2 + inMemory.count - others
        // Set again by whoever commits past the limit meanwhile.
        lanes[upstream]?.hasMoreInStore = false
        let found: [QueuedMessage]?
        do {
            let time = clock.now
            found = try await store.due(upstream, before: time, beyond: time + schedule.longestWait, limit: limit)
            trouble = nil
        } catch {
            found = nil
            trouble = "\(error)"
        }
        guard let lane = lanes[upstream] else { return }
        lanes[upstream]?.settledMeanwhile = []
        lanes[upstream]?.isStale = false
        lanes[upstream]?.isRefilling = false
        guard let found, !lane.isStale else {
            // The next tick asks again.
            lanes[upstream]?.hasMoreInStore = true
            return
        }
        if found.count >= limit { lanes[upstream]?.hasMoreInStore = true }
        let fresh = found.filter { !lane.settledMeanwhile.contains($0.id) && inMemory.insert($0.id).inserted }
        guard !fresh.isEmpty else { return }
        // What was committed while the store was asked stands in memory already, in front of what is older.
        let all = lane.ready + fresh.map { Ready(message: $0, content: nil) }
        lanes[upstream]?.ready = Deque(
            all.sorted { ($0.message.nextAttempt, $0.message.id) < ($1.message.nextAttempt, $1.message.id) })
        wake(upstream)
    }

    /// The content of a leased message.
    /// - Throws: ``QueueError``; after ``QueueError/damaged(_:)`` the lease is over, and the message is kept, marked, and not
    ///   offered again. After any other error it is still to be settled.
    public func content(of lease: Lease) async throws -> [UInt8] {
        if let content = lease.content { return content }
        do {
            return try await store.content(of: lease.message.id)
        } catch let error as QueueError {
            if case .damaged = error {
                var message = lease.message
                message.isDamaged = true
                store.update(message, telling: [])
                release(message)
            }
            throw error
        }
    }
}
