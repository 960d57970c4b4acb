import Foundation
import GRDB
import MessageQueue
import StorageSQLite
import Synchronization
import Testing

/// A store under test, and what the world does to it.
protocol StoreBench: Sendable {
    /// The store that is open.
    var store: any QueueStore { get }
    /// Closes it, and opens what it wrote in another.
    func reopen() async throws -> QueueRecovery
    /// Whether rows can be changed and deleted.
    func setWritable(_ isWritable: Bool) throws
    /// Whether rows can be added.
    func setTaking(_ isTaking: Bool) throws
    /// Makes a content another one.
    func spoil(_ id: QueueID, _ content: [UInt8]) throws
    /// What another process does.
    func deleteElsewhere(_ id: QueueID) throws
    /// What another process does.
    func holdElsewhere(_ id: QueueID, _ isHeld: Bool) throws
}

/// A kind of store. Whoever adds one passes the same tests.
struct StoreKind: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let open: @Sendable () async throws -> any StoreBench

    static let all = [
        StoreKind(testDescription: "memory") { MemoryBench() },
        StoreKind(testDescription: "SQLite") { try await SQLiteBench() },
    ]
}

private struct MemoryBench: StoreBench {
    let memory = MemoryStore()
    var store: any QueueStore { memory }

    func reopen() async throws -> QueueRecovery {
        await memory.close()
        return try await memory.open()
    }

    func setWritable(_ isWritable: Bool) { memory.setWritable(isWritable) }
    func setTaking(_ isTaking: Bool) { memory.setTaking(isTaking) }
    func spoil(_ id: QueueID, _ content: [UInt8]) { memory.spoil(id) }
    func deleteElsewhere(_ id: QueueID) { memory.change { $0[id] = nil } }
    func holdElsewhere(_ id: QueueID, _ isHeld: Bool) { memory.change { $0[id]?.isHeld = isHeld } }
}

private final class SQLiteBench: StoreBench {
    private let path: String
    private let open: Mutex<SQLiteQueueStore>

    init() async throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-\(UUID().uuidString)").path
        open = Mutex(SQLiteQueueStore(directory: path, messageOctets: 1_000))
        _ = try await store.open()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var store: any QueueStore { open.withLock { $0 } }

    func reopen() async throws -> QueueRecovery {
        await store.close()
        let next = SQLiteQueueStore(directory: path, messageOctets: 1_000)
        open.withLock { $0 = next }
        return try await next.open()
    }

    private func change(_ sql: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(60)
        try DatabaseQueue(path: path + "/queue.sqlite", configuration: configuration).write {
            try $0.execute(sql: sql)
        }
    }

    func setWritable(_ isWritable: Bool) throws {
        for verb in ["update", "delete"] {
            try change(
                isWritable
                    ? "DROP TRIGGER no_\(verb)"
                    : "CREATE TRIGGER no_\(verb) BEFORE \(verb) ON message BEGIN SELECT RAISE(FAIL, 'full'); END")
        }
    }

    func setTaking(_ isTaking: Bool) throws {
        try change(
            isTaking
                ? "DROP TRIGGER no_insert"
                : "CREATE TRIGGER no_insert BEFORE insert ON message BEGIN SELECT RAISE(FAIL, 'full'); END")
    }

    func spoil(_ id: QueueID, _ content: [UInt8]) throws {
        let folder = path + "/segments"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            var octets = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
            guard let place = octets.range(of: Data(content)) else { continue }
            octets[place.lowerBound] ^= 1
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(folder)/\(name)"))
            try handle.write(contentsOf: octets)
            try handle.close()
        }
    }

    func deleteElsewhere(_ id: QueueID) throws { _ = try QueueInspector(directory: path).delete([id]) }

    func holdElsewhere(_ id: QueueID, _ isHeld: Bool) throws {
        _ = try QueueInspector(directory: path).hold([id], isHeld)
    }
}
