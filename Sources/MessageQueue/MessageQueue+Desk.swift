import DequeModule

/// What people see of the queue and do to it by hand.
extension MessageQueue {
    /// Messages by age, behind `id`.
    /// - Throws: ``QueueError``.
    public nonisolated func list(after id: QueueID? = nil, limit: Int) async throws -> [QueuedMessage] {
        try await store.list(after: id, limit: limit)
    }

    /// How many there are.
    /// - Throws: ``QueueError``.
    public nonisolated func census() async throws -> QueueCensus { try await store.census() }

    /// One message.
    /// - Throws: ``QueueError``.
    public nonisolated func message(_ id: QueueID) async throws -> QueuedMessage? { try await store.message(id) }

    /// Its content, as it was received.
    /// - Throws: ``QueueError``.
    public nonisolated func content(of id: QueueID) async throws -> [UInt8] { try await store.content(of: id) }

    /// Makes messages due now; all where `ids` is `nil`. Those that failed wait anew, for a whole lifetime, and for whoever
    /// did not get them; those that are damaged are read again, and wait again where they are whole.
    /// - Throws: ``QueueError``.
    public func retry(_ ids: [QueueID]?) async throws -> QueueRetry {
        defer { recall(ids) }
        return try await store.retry(ids, now: clock.now, lifetime: schedule.lifetime)
    }

    /// Holds or releases messages; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: ``QueueError``.
    public func hold(_ ids: [QueueID]?, _ isHeld: Bool) async throws -> Int {
        defer { recall(ids) }
        return try await store.hold(ids, isHeld)
    }

    /// Deletes messages; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: ``QueueError``.
    public func delete(_ ids: [QueueID]?) async throws -> Int {
        defer { recall(ids) }
        return try await store.delete(ids)
    }

    /// Takes back what is ready, and pages it in as it is now: the rows were changed.
    /// - Parameter ids: the messages; all where it is `nil`.
    func recall(_ ids: [QueueID]?) {
        revision += 1
        let ids = ids.map { Set($0) }
        for name in lanes.keys {
            guard var lane = lanes[name] else { continue }
            lane.ready.removeAll { ready in
                guard ids?.contains(ready.message.id) != false else { return false }
                cachedOctets -= ready.content?.count ?? 0
                inMemory.remove(ready.message.id)
                return true
            }
            lane.hasMoreInStore = true
            // Its answer may be of before.
            lane.isStale = lane.isRefilling
            lanes[name] = lane
        }
        // What is released may be due at any time.
        nextWake = 0
        for name in lanes.keys { wake(name) }
    }
}
