import Foundation
import Synchronization

@testable import StorageSQLite

/// The system with faults, a count of syncs, and a memory of what is not synced.
final class FaultySystem: FileSystem {
    struct State {
        var failsWrite: Int32?
        /// Every so many writes fail.
        var failsEach: (count: Int, code: Int32)?
        var failsSync: Int32?
        /// Name of the only file whose sync fails.
        var failsSyncOf: String?
        var failsDirectory: Int32?
        var failsTruncate = false
        var failsErase = false
        /// Runs in front of each sync.
        var beforeSync: (@Sendable () -> Void)?
        var free = (octets: 1 << 40, total: 1 << 41, inodes: 1 << 30)
        var syncs = 0
        var writes = 0
        var names: [Int32: String] = [:]
        /// Files that were written since their last good sync; one that failed stays for good.
        var unsynced: Set<String> = []
        /// Files that were removed, and what was not synced at that time.
        var removed: [(name: String, unsynced: Set<String>)] = []
    }
    let state = Mutex(State())
    private let real = OperatingSystem()

    func open(_ path: String, _ flags: Int32) throws -> Int32 {
        let descriptor = try real.open(path, flags)
        state.withLock { $0.names[descriptor] = URL(fileURLWithPath: path).lastPathComponent }
        return descriptor
    }

    func write(_ descriptor: Int32, _ bytes: [UInt8], at offset: Int64) throws {
        let code: Int32? = state.withLock { state in
            state.writes += 1
            if let each = state.failsEach, state.writes % each.count == 0 { return each.code }
            if state.failsWrite == nil, let name = state.names[descriptor] { state.unsynced.insert(name) }
            return state.failsWrite
        }
        if let code {
            // As a full disk does it: a part stands there.
            try real.write(descriptor, Array(bytes.prefix(bytes.count / 2)), at: offset)
            throw SystemError("write", code: code)
        }
        try real.write(descriptor, bytes, at: offset)
    }

    func truncate(_ descriptor: Int32, to octets: Int64) throws {
        if state.withLock({ $0.failsTruncate }) { throw SystemError("ftruncate", code: 5) }
        try real.truncate(descriptor, to: octets)
    }

    func erase(_ descriptor: Int32, at offset: Int64, count: Int64) throws {
        if state.withLock({ $0.failsErase }) { throw SystemError("fallocate", code: 5) }
        try real.erase(descriptor, at: offset, count: count)
    }

    func sync(_ descriptor: Int32) throws {
        state.withLock { $0.beforeSync }?()
        let code: Int32? = state.withLock { state in
            state.syncs += 1
            let name = state.names[descriptor]
            if let wanted = state.failsSyncOf { return name == wanted ? 5 : nil }
            return state.failsSync
        }
        if let code { throw SystemError("fdatasync", code: code) }
        try real.sync(descriptor)
        state.withLock { state in if let name = state.names[descriptor] { state.unsynced.remove(name) } }
    }

    func syncDirectory(_ path: String) throws {
        if let code = state.withLock({ $0.failsDirectory }) { throw SystemError("fsync", code: code) }
        try real.syncDirectory(path)
    }

    func remove(_ path: String) throws {
        state.withLock { state in
            let name = URL(fileURLWithPath: path).lastPathComponent
            state.unsynced.remove(name)
            state.removed.append((name, state.unsynced))
        }
        try real.remove(path)
    }

    func free(at path: String) throws -> (octets: Int, total: Int, inodes: Int) { state.withLock { $0.free } }
}
