public import MessageQueue

/// What the desk asks for, on the writer's thread: behind everything that was queued before.
extension SQLiteQueueStore {
    /// Messages by age.
    public func list(after id: QueueID?, limit: Int) async throws -> [QueuedMessage] {
        try await perform { try $0.desk.list(after: id, limit: limit) }
    }

    /// How many there are.
    public func census() async throws -> QueueCensus { try await perform { try $0.desk.census() } }

    /// One message.
    public func message(_ id: QueueID) async throws -> QueuedMessage? {
        try await perform { try $0.desk.message(id) }
    }

    /// Makes messages due now; in pages, between which mail comes in.
    public func retry(_ ids: [QueueID]?, now: Int64, lifetime: Int64) async throws -> QueueRetry {
        guard ids == nil else { return try await perform { try $0.desk.retry(ids, now: now, lifetime: lifetime) } }
        var result = try await perform { try $0.desk.retryWaiting() }
        var last: Int64? = .min
        while let after = last {
            (result, last) = try await perform { [result] writer in
                var result = result
                let last = try writer.desk.retryTroubled(after: after, now: now, lifetime: lifetime, &result)
                return (result, last)
            }
        }
        return result
    }

    /// Holds or releases messages.
    public func hold(_ ids: [QueueID]?, _ isHeld: Bool) async throws -> Int {
        try await perform { try $0.desk.hold(ids, isHeld) }
    }

    /// Deletes messages, and gives their room back.
    public func delete(_ ids: [QueueID]?) async throws -> Int {
        try await perform { writer in
            let count = try writer.desk.delete(ids)
            try writer.settleAccounts()
            return count
        }
    }
}
