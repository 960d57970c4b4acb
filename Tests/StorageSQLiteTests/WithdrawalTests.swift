import Dispatch
import MessageQueue
import Synchronization
import Testing

@testable import StorageSQLite

/// The disk hangs; meanwhile clients are sent away without a reply, and send their mail again. What had not begun when they
/// were sent away is not written when the disk goes on; what had begun is.
@Test(.timeLimit(.minutes(10))) func whatNobodyWaitsForIsNotBegun() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system)
    _ = try await store.open()
    let (hangs, goesOn) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
    let isFirst = Atomic(true)
    system.state.withLock {
        $0.beforeSync = {
            guard isFirst.exchange(false, ordering: .relaxed) else { return }
            hangs.continuation.yield()
            goesOn.wait()
        }
    }
    let begun = Task { try await store.commit(message(1), .memory(body(1))) }
    for await _ in hangs.stream { break }
    let waiting = (2...4).map { number in
        Task { try await store.commit(message(Int64(number)), .memory(body(number))) }
    }
    let stays = Task { try await store.commit(message(5), .memory(body(5))) }
    for task in waiting + [begun] { task.cancel() }
    goesOn.signal()
    for task in waiting { await #expect(throws: QueueError.withdrawn) { try await task.value } }
    #expect(try await begun.value.id.rawValue == 1)
    #expect(try await stays.value.id.rawValue == 5)
    #expect(try await store.due("default", before: 1, beyond: 1 << 50, limit: 10).map(\.id.rawValue) == [1, 5])
    await store.close()
}
