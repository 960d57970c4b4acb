public import MessageQueue
public import TrackingWeb

/// The queue as the console asks for it.
struct ConsoleQueue: QueueDesk {
    let queue: MessageQueue

    func list(after: String?, limit: Int) async throws -> [QueueEntry] {
        let cursor = after.flatMap { QueueID($0) }
        if after != nil, cursor == nil { throw QueueCursorError() }
        return try await queue.list(after: cursor, limit: limit).map { QueueEntry($0) }
    }

    func count() async throws -> Int { try await queue.census().messages }

    func troubled() async throws -> (failed: Int, damaged: Int) {
        let census = try await queue.census()
        return (census.failed, census.damaged)
    }

    func entry(_ id: String) async throws -> QueueEntry? {
        guard let id = QueueID(id) else { return nil }
        return try await queue.message(id).map { QueueEntry($0) }
    }

    func perform(_ action: QueueAction, _ id: String?) async throws -> Int {
        let ids: [QueueID]?
        if let id {
            guard let parsed = QueueID(id) else { return 0 }
            ids = [parsed]
        } else {
            ids = nil
        }
        switch action {
        case .retry:
            let result = try await queue.retry(ids)
            if result.due == 0, let first = result.damaged.first { throw QueueError.damaged(first.id) }
            return result.due
        case .hold: return try await queue.hold(ids, true)
        case .release: return try await queue.hold(ids, false)
        case .delete: return try await queue.delete(ids)
        }
    }
}

extension QueueEntry {
    /// A queued mail as console, API and command show it.
    public init(_ message: QueuedMessage) {
        self.init(
            id: message.id.description, arrival: message.arrival, nextAttempt: message.nextAttempt,
            expires: message.expires, upstream: message.upstream, from: message.reversePath,
            octets: message.octets, attempts: message.attempts, held: message.isHeld, damaged: message.isDamaged,
            failed: message.isFailed, tag: MessageNote(encoded: message.note)?.tag ?? "",
            recipients: message.recipients.map {
                Recipient(address: $0.address, state: $0.state.rawValue, lastReply: $0.lastReply)
            })
    }
}
