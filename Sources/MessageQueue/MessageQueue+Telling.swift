import DequeModule

/// What is told of mail: once, and not before it is durable.
extension MessageQueue {
    /// From now on tells what is durable, in order; first what an earlier run told and nobody acknowledged.
    /// - Throws: ``QueueError``.
    public nonisolated func tell(_ listener: @escaping QueueListener) async throws { try await store.tell(listener) }

    /// Whoever is told has the notices up to `number` for good.
    public nonisolated func told(upTo number: Int64) { store.told(upTo: number) }
}

/// The end.
extension MessageQueue {
    /// Sends the waiting workers home; what is leased may still be settled.
    public func stop() {
        isStopped = true
        for name in lanes.keys {
            while let waiter = lanes[name]?.waiters.popFirst() { waiter.continuation.resume(returning: nil) }
        }
    }

    /// Writes what is queued and closes the store.
    public func close() async { await store.close() }

    /// Comes back when all that was settled before is written and told, or cannot be now.
    public nonisolated func flush() async {
        // Every question has its turn behind what was queued before it.
        _ = try? await store.census()
    }
}
