import Foundation
import Glibc
import MessageQueue
import Synchronization
import Testing

@testable import StorageSQLite

/// Commits at once, so that many share a group.
/// - Returns: those that were acknowledged.
private func commitAll(_ store: SQLiteQueueStore, _ numbers: Range<Int>, octets: Int = 3_000) async -> [QueuedMessage] {
    await withTaskGroup(of: QueuedMessage?.self) { group in
        for number in numbers {
            group.addTask { try? await store.commit(message(Int64(number)), .memory(body(number, octets))) }
        }
        return await group.reduce(into: []) { if let stored = $1 { $0.append(stored) } }
    }
}

private func segmentName(_ message: QueuedMessage, _ store: SQLiteQueueStore) -> String? {
    store.place(of: message).map { "\($0.segment).segment" }
}

@Test func everySegmentThatAGroupWroteIsSynced() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system, sealOctets: 10_000)
    _ = try await store.open()
    let stored = await commitAll(store, 0..<200)
    #expect(stored.count == 200 && Set(stored.compactMap { store.place(of: $0)?.segment }).count == 50)
    #expect(system.state.withLock { $0.syncs } < 200, "no groups, no test")
    #expect(system.state.withLock { $0.unsynced }.isEmpty)
    await store.close()
}

@Test(arguments: [false, true])
func aFailedAppendTakesNoOthersSync(_ failsTruncate: Bool) async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system, sealOctets: 20_000)
    _ = try await store.open()
    system.state.withLock {
        $0.failsEach = (9, ENOSPC)
        $0.failsTruncate = failsTruncate
    }
    let stored = await commitAll(store, 0..<171)
    // One of nine, and nothing else.
    #expect(stored.count == 171 - 19)
    let unsynced = system.state.withLock { $0.unsynced }
    #expect(stored.filter { unsynced.contains(segmentName($0, store) ?? "") }.isEmpty)
    await store.close()
    let again = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000)
    #expect(try await again.open().messages == stored.count)
    for message in stored { #expect(try await again.content(of: message) == body(Int(message.id.rawValue))) }
    await again.close()
}

@Test func aFailedSyncFailsWhatStandsInThatSegmentAndNothingElse() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system, sealOctets: 10_000)
    _ = try await store.open()
    system.state.withLock { $0.failsSyncOf = "2.segment" }
    let stored = await commitAll(store, 0..<60)
    // Never trusted again: the sync is not asked a second time, and nobody writes there any more.
    #expect(stored.allSatisfy { store.place(of: $0).map { $0.segment != 2 } == true })
    #expect(stored.count >= 56 && stored.count < 60)
    let found = try await store.due("default", before: 1, beyond: 1 << 50, limit: 100)
    #expect(Set(found.map(\.id)) == Set(stored.map(\.id)))
    await store.close()
}

@Test func aSpillWhoseNameIsNotSyncedIsNotAcknowledged() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system)
    _ = try await store.open()
    let spill = try store.makeSpill()
    try await spill.append(body(1, 300_000))
    system.state.withLock { $0.failsDirectory = EIO }
    await #expect(throws: QueueError.self) { try await store.commit(message(1), .spilled(spill)) }
    #expect(folder.segments.isEmpty)
    system.state.withLock { $0.failsDirectory = nil }
    _ = try await store.commit(message(2), .memory(body(2)))
    await store.close()
}

@Test func compactionRemovesTheOldCopyOnlyBehindTheSyncOfTheNew() async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: system, sealOctets: (4 << 20) + 1)
    _ = try await store.open()
    var kept: [QueuedMessage] = []
    for number in 0..<11 {
        let stored = try await store.commit(message(Int64(number)), .memory(body(number, 1 << 20)))
        if number % 5 == 0 { kept.append(stored) } else if number > 5 { store.remove(stored.id) }
    }
    // From here on no new copy can be synced: the old ones stay, however often it is tried.
    system.state.withLock { $0.failsSync = EIO }
    for number in 1..<5 { store.remove(QueueID(rawValue: Int64(number))) }
    for _ in 0..<5 { _ = try await store.wasChangedByOthers() }
    for message in kept { #expect(try await store.content(of: message) == body(Int(message.id.rawValue), 1 << 20)) }
    #expect(system.state.withLock { $0.removed }.allSatisfy { $0.name != "1.segment" })
    await store.close()
    system.state.withLock {
        $0.failsSync = nil
        $0.unsynced = []
    }
    let again = SQLiteQueueStore(
        directory: folder.path, messageOctets: 1_000, system: system, sealOctets: (4 << 20) + 1)
    _ = try await again.open()
    for _ in 0..<5 { _ = try await again.wasChangedByOthers() }
    for message in kept { #expect(try await again.content(of: message) == body(Int(message.id.rawValue), 1 << 20)) }
    #expect(system.state.withLock { $0.removed }.contains { $0.name == "1.segment" })
    #expect(system.state.withLock { $0.removed }.allSatisfy { $0.unsynced.isEmpty })
    await again.close()
}
