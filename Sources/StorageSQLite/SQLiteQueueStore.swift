import Dispatch
import Foundation
import GRDB
import Glibc
public import MessageQueue
import Synchronization

/// The queue on disk: rows in `queue.sqlite`, contents in `segments/`, one writer thread that commits in groups.
public final class SQLiteQueueStore: QueueStore {
    enum Operation {
        case commit(QueuedMessage, QueueContent, UInt64, CheckedContinuation<QueuedMessage, any Error>)
        case update(QueuedMessage)
        case remove(QueueID)
        case read(@Sendable (Database) throws -> Void, failed: @Sendable (any Error) -> Void)
        case close(CheckedContinuation<Void, Never>)
    }

    private struct Pending {
        var operations: [Operation] = []
        var isClosed = false
        var spills = 0
    }

    private let directory: String
    private let system: any FileSystem
    private let messageOctets: Int
    private let pending = Mutex(Pending())
    private let wakeup = DispatchSemaphore(value: 0)
    private let readers = DispatchQueue(label: "tracerelay.queue.read", attributes: .concurrent)

    /// A store in a directory; nothing is opened yet.
    /// - Parameters:
    ///   - messageOctets: size of the largest message, for the disk guard.
    ///   - observeSync: called with the nanoseconds of each sync of contents.
    public convenience init(
        directory: String, messageOctets: Int, observeSync: @escaping @Sendable (Int64) -> Void = { _ in }
    ) {
        self.init(directory: directory, messageOctets: messageOctets, system: TimedSystem(observe: observeSync))
    }

    init(directory: String, messageOctets: Int, system: any FileSystem) {
        self.directory = directory
        self.messageOctets = messageOctets
        self.system = system
    }

    private var segmentDirectory: String { directory + "/segments" }

    // MARK: QueueStore

    /// Starts the writer thread, which recovers what an earlier run left behind.
    public func open() async throws -> QueueRecovery {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { [self] in
                do {
                    let writer = try QueueWriter(
                        directory: directory, segments: segmentDirectory, system: system, messageOctets: messageOctets)
                    continuation.resume(returning: writer.recovery)
                    run(writer)
                } catch let error as SystemError {
                    continuation.resume(throwing: Self.translate(error, path: directory))
                } catch let error as QueueError {
                    continuation.resume(throwing: error)
                } catch {
                    continuation.resume(throwing: QueueError.storageFailed("\(error)"))
                }
            }
            thread.name = "queue-writer"
            thread.start()
        }
    }

    /// Returns once content and row are on disk.
    public func commit(_ message: QueuedMessage, _ content: QueueContent) async throws -> QueuedMessage {
        let checksum =
            switch content {
            case .memory(let bytes): XXH64.checksum(bytes)
            case .spilled: UInt64(0)
            }
        return try await withCheckedThrowingContinuation { enqueue(.commit(message, content, checksum, $0)) }
    }

    /// Records progress; written with the next group.
    public func update(_ message: QueuedMessage) { enqueue(.update(message)) }

    /// Forgets a message; its segment is freed when nothing else lives there.
    public func remove(_ id: QueueID) { enqueue(.remove(id)) }

    /// The content, checked against its checksum.
    public func content(of message: QueuedMessage) async throws -> [UInt8] {
        if let bytes = try await read(message.place) { return bytes }
        // It may have been moved by compaction since the message was leased.
        let place = try await perform { database in
            try Row.fetchOne(
                database, sql: "SELECT segment, start, octets, checksum FROM message WHERE id = ?",
                arguments: [message.id.rawValue]
            ).map(QueueRows.place)
        }
        if let place, place != message.place, let bytes = try await read(place) { return bytes }
        throw QueueError.damaged(message.id)
    }

    private func read(_ place: ContentPlace) async throws -> [UInt8]? {
        let path = SegmentFiles.path(segmentDirectory, place.segment)
        return await withCheckedContinuation { continuation in
            readers.async {
                let bytes = try? Files.read(path, offset: place.offset, count: place.count)
                let isWhole = bytes.map { $0.count == place.count && XXH64.checksum($0) == place.checksum } ?? false
                continuation.resume(returning: isWhole ? bytes : nil)
            }
        }
    }

    /// Messages of an upstream whose next attempt is due, oldest first.
    public func due(_ upstream: String, before now: Int64, limit: Int) async throws -> [QueuedMessage] {
        try await perform { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT \(QueueRows.columns) FROM message
                    WHERE upstream = ? AND next <= ? AND held = 0 AND damaged = 0 ORDER BY next LIMIT ?
                    """, arguments: [upstream, now, limit]
            ).map(QueueRows.message)
        }
    }

    /// When the next attempt after `now` is due, in milliseconds since 1970.
    public func nextDue(after now: Int64) async throws -> Int64? {
        try await perform { database in
            try Int64.fetchOne(
                database, sql: "SELECT MIN(next) FROM message WHERE next > ? AND held = 0 AND damaged = 0",
                arguments: [now])
        }
    }

    /// Moves messages of upstreams that no longer exist to `fallback`.
    public func reassign(unless known: [String], to fallback: String) async throws {
        try await perform { database in
            let marks = known.map { _ in "?" }.joined(separator: ",")
            try database.execute(
                sql: "UPDATE message SET upstream = ? WHERE upstream NOT IN (\(marks))",
                arguments: StatementArguments([fallback] + known))
        }
    }

    /// A number that changes when another process wrote to the queue.
    public func changeCount() async throws -> Int {
        try await perform { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
    }

    /// A file for a content that is too large for memory.
    public func makeSpill() throws -> any QueueSpill {
        let number = pending.withLock { pending in
            pending.spills += 1
            return pending.spills
        }
        do {
            try QueueWriter.guardDisk(system, directory, messageOctets)
            return try FileSpill(path: "\(segmentDirectory)/\(getpid())-\(number).spill", system: system)
        } catch let error as SystemError {
            throw Self.translate(error, path: directory)
        }
    }

    /// Writes what is pending and ends the thread.
    public func close() async { await withCheckedContinuation { enqueue(.close($0)) } }

    // MARK: Writer thread

    private func enqueue(_ operation: Operation) {
        let isClosed = pending.withLock { pending in
            if !pending.isClosed { pending.operations.append(operation) }
            return pending.isClosed
        }
        guard isClosed else {
            wakeup.signal()
            return
        }
        switch operation {
        case .commit(_, _, _, let continuation):
            continuation.resume(throwing: QueueError.storageFailed("the queue is closed"))
        case .read(_, let failed): failed(QueueError.storageFailed("the queue is closed"))
        case .close(let continuation): continuation.resume()
        case .update, .remove: break
        }
    }

    private func perform<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value
    {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            enqueue(
                .read(
                    { continuation.resume(returning: try body($0)) },
                    failed: { continuation.resume(throwing: QueueError.storageFailed("\($0)")) }))
        }
    }

    private func run(_ writer: QueueWriter) {
        while true {
            wakeup.wait()
            // What came in while the last group was synced goes into this one.
            let group = pending.withLock { pending in
                defer { pending.operations = [] }
                return pending.operations
            }
            guard !group.isEmpty else { continue }
            if let done = writer.perform(group) {
                pending.withLock { $0.isClosed = true }
                writer.unlock()
                done.resume()
                return
            }
        }
    }

    static func translate(_ error: SystemError, path: String) -> QueueError {
        guard error.code == ENOSPC || error.code == EDQUOT else { return .storageFailed("\(error)") }
        let free = try? OperatingSystem().free(at: path)
        return .diskFull(path: path, free: free?.octets ?? 0, needed: (free?.octets ?? 0) + (1 << 20))
    }
}

extension SQLiteQueueStore {
    /// Free octets where the queue is, and octets in all.
    public static func space(directory: String) -> (free: Int, total: Int)? {
        (try? OperatingSystem().free(at: directory)).map { ($0.octets, $0.total) }
    }

    /// Why nothing could be committed now, or `nil`.
    public static func complaint(directory: String, messageOctets: Int) -> String? {
        do {
            try QueueWriter.guardDisk(OperatingSystem(), directory, messageOctets)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
