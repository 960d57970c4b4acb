import Dispatch
import Glibc
import MessageQueue
import Synchronization

/// A large content in a file of its own while it arrives.
final class FileSpill: QueueSpill {
    /// Enough for a header section at its limit.
    private static let headOctets = 512 << 10

    private struct State {
        var count = 0
        var head: [UInt8] = []
        var hash = XXH64()
        var isDone = false
    }

    let path: String
    let descriptor: Int32
    private let system: any FileSystem
    private let store: SQLiteQueueStore
    private let queue: DispatchQueue
    private let state = Mutex(State())

    init(path: String, system: any FileSystem, store: SQLiteQueueStore) throws {
        self.path = path
        self.system = system
        self.store = store
        queue = DispatchQueue(label: "tracerelay.spill")
        descriptor = try system.open(path, O_RDWR | O_CREAT | O_EXCL)
    }

    deinit {
        discard()
        Glibc.close(descriptor)
    }

    var count: Int { state.withLock { $0.count } }
    var head: [UInt8] { state.withLock { $0.head } }
    var checksum: UInt64 { state.withLock { $0.hash.finish() } }

    func append(_ piece: [UInt8]) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            queue.async { [self] in
                do {
                    try system.write(descriptor, piece, at: Int64(count))
                    state.withLock { state in
                        state.count += piece.count
                        state.hash.update(piece)
                        if state.head.count < Self.headOctets {
                            state.head += piece.prefix(Self.headOctets - state.head.count)
                        }
                    }
                    continuation.resume()
                } catch let error as SystemError {
                    continuation.resume(throwing: SQLiteQueueStore.translate(error, path: path))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    func commit(_ message: QueuedMessage, telling records: [[UInt8]]) async throws {
        try await store.enter(message, .file(self), telling: records)
    }

    /// The file belongs to the queue now.
    func committed() { state.withLock { $0.isDone = true } }

    func discard() {
        let isDone = state.withLock { state in
            defer { state.isDone = true }
            return state.isDone
        }
        // What is left of it goes at the next start: no row ever pointed at a spill.
        if !isDone { try? system.remove(path) }
    }
}
