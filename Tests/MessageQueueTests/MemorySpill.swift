import MessageQueue
import Synchronization

/// A large content in memory.
final class MemorySpill: QueueSpill {
    private let store: MemoryStore
    private let bytes = Mutex<[UInt8]?>([])

    init(_ store: MemoryStore) { self.store = store }

    var count: Int { bytes.withLock { $0?.count ?? 0 } }
    var head: [UInt8] { bytes.withLock { Array(($0 ?? []).prefix(512 << 10)) } }
    func append(_ piece: [UInt8]) async throws { bytes.withLock { $0?.append(contentsOf: piece) } }

    func commit(_ message: QueuedMessage, telling records: [[UInt8]]) async throws {
        try await store.commit(message, bytes.withLock { $0 ?? [] }, telling: records)
        discard()
    }

    func discard() { bytes.withLock { $0 = nil } }
}
