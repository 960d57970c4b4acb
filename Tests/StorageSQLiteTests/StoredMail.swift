import MessageQueue

@testable import StorageSQLite

/// Mail as the queue brings it to the store, for tests that ask about files and rows.
extension SQLiteQueueStore {
    /// Commits a content as the queue does.
    @discardableResult
    func commit(_ message: QueuedMessage, _ content: QueueContent) async throws -> QueuedMessage {
        switch content {
        case .memory(let bytes): try await commit(message, bytes, telling: [])
        case .spilled(let spill): try await spill.commit(message, telling: [])
        }
        return message
    }

    func update(_ message: QueuedMessage) { update(message, telling: []) }
    func remove(_ id: QueueID) { remove(id, telling: []) }

    func content(of message: QueuedMessage) async throws -> [UInt8] { try await content(of: message.id) }

    /// Where the content of a message stands that was committed.
    func place(of message: QueuedMessage) -> ContentPlace? { knownPlace(of: message.id) }
}
