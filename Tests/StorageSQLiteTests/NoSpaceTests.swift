import Glibc
import MessageQueue
import Synchronization
import Testing

@testable import StorageSQLite

/// What the system does not tell, the reply to the client does not make up: a quota may be full on an empty disk.
@Test(arguments: [ENOSPC, EDQUOT])
func aWriteThatFindsNoRoomNamesNoFigures(_ code: Int32) {
    let error = SQLiteQueueStore.translate(SystemError("pwrite", code: code), path: "/data")
    #expect(error == .noSpace(path: "/data"))
    #expect(!error.description.contains { $0.isNumber })
}

/// The same from the disk to whoever waits for the 250.
@Test(arguments: [ENOSPC, EDQUOT])
func aFullDiskIsTheReasonOfTheRefusal(_ code: Int32) async throws {
    let folder = try Folder()
    let system = FaultySystem()
    let store = SQLiteQueueStore(directory: folder.path, messageOctets: 1_000, system: system)
    _ = try await store.open()
    system.state.withLock { $0.failsWrite = code }
    await #expect(throws: QueueError.noSpace(path: folder.path)) {
        try await store.commit(message(1), .memory(body(1)))
    }
    await store.close()
}
