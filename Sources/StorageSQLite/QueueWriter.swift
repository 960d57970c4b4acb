import Foundation
import GRDB
import Glibc
import MessageQueue

/// What the writer thread does; lives on that thread.
final class QueueWriter {
    /// Least free inodes.
    private static let leastInodes = 1_000
    /// Places kept in memory, which spare a look-up when the message goes; a backlog beyond does not cost memory.
    private static let rememberedPlaces = 10_000

    private let database: DatabaseQueue
    private let segments: SegmentFiles
    private let directory: String
    private let system: any FileSystem
    private let messageOctets: Int
    private let lock: Int32
    private(set) var recovery = QueueRecovery()
    private var places: [QueueID: ContentPlace] = [:]
    private var diskChecked = ContinuousClock.now - .seconds(10)

    init(directory: String, segments path: String, system: any FileSystem, messageOctets: Int) throws {
        self.directory = directory
        self.system = system
        self.messageOctets = messageOctets
        try Files.makeDirectory(directory)
        try Files.makeDirectory(path)
        lock = try Files.open(directory + "/queue.lock", O_RDWR | O_CREAT)
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(lock)
            throw QueueError.locked(path: directory)
        }
        database = try SQLiteFile.open(directory + "/queue.sqlite", isDurable: true)
        segments = SegmentFiles(directory: path, system: system)
        let live = try database.write { database in
            try QueueRows.prepare(database)
            return try Row.fetchAll(
                database, sql: "SELECT segment, COUNT(*) AS n, SUM(octets) AS size FROM message GROUP BY segment")
        }
        var use: [Int64: (count: Int, octets: Int64)] = [:]
        for row in live { use[row["segment"]] = (row["n"], row["size"]) }
        recovery.messages = use.values.reduce(0) { $0 + $1.count }
        recovery.orphanedSegments = segments.recover(use)
    }

    deinit { Glibc.close(lock) }

    /// Lets another take the queue over, before whoever closed it is told.
    func unlock() { flock(lock, LOCK_UN) }

    /// Carries out a group: contents, one sync, one transaction, then the answers.
    /// - Returns: the answer to `close`, where it was in the group.
    func perform(_ group: [SQLiteQueueStore.Operation]) -> CheckedContinuation<Void, Never>? {
        var commits: [(QueuedMessage, CheckedContinuation<QueuedMessage, any Error>, FileSpill?)] = []
        var updates: [QueueID: QueuedMessage] = [:]
        var removals: [QueueID] = []
        var reads: [(@Sendable (Database) throws -> Void, @Sendable (any Error) -> Void)] = []
        var closing: CheckedContinuation<Void, Never>?
        var contents: [(QueuedMessage, QueueContent, UInt64, CheckedContinuation<QueuedMessage, any Error>)] = []
        for operation in group {
            switch operation {
            case .commit(let message, let content, let checksum, let continuation):
                contents.append((message, content, checksum, continuation))
            case .update(let message): updates[message.id] = message
            case .remove(let id):
                updates[id] = nil
                removals.append(id)
            case .read(let body, let failed): reads.append((body, failed))
            case .close(let continuation): closing = continuation
            }
        }
        for (message, content, checksum, continuation) in contents {
            do {
                var message = message
                try checkDisk()
                switch content {
                case .memory(let bytes): message.place = try segments.append(bytes, checksum: checksum)
                case .spilled(let spill):
                    guard let spill = spill as? FileSpill else {
                        throw QueueError.storageFailed("a spill of another store")
                    }
                    message.place = try segments.adopt(spill)
                    commits.append((message, continuation, spill))
                    continue
                }
                commits.append((message, continuation, nil))
            } catch {
                segments.abandon()
                continuation.resume(throwing: translate(error))
            }
        }
        write(commits, updates, removals)
        for (body, failed) in reads {
            do { try database.inDatabase { try body($0) } } catch { failed(error) }
        }
        compact()
        return closing
    }

    private func write(
        _ commits: [(QueuedMessage, CheckedContinuation<QueuedMessage, any Error>, FileSpill?)],
        _ updates: [QueueID: QueuedMessage], _ removals: [QueueID]
    ) {
        guard !commits.isEmpty || !updates.isEmpty || !removals.isEmpty else { return }
        do {
            if !commits.isEmpty { try segments.sync() }
            var released: [ContentPlace] = []
            try database.write { database in
                for (message, _, _) in commits { try QueueRows.insert(message, into: database) }
                for message in updates.values { try QueueRows.update(message, in: database) }
                for id in removals {
                    if let place = try place(of: id, in: database) { released.append(place) }
                    try database.cachedStatement(sql: "DELETE FROM message WHERE id = ?").execute(arguments: [
                        id.rawValue
                    ])
                }
            }
            for (message, continuation, spill) in commits {
                spill?.committed()
                if places.count < Self.rememberedPlaces { places[message.id] = message.place }
                continuation.resume(returning: message)
            }
            for id in removals { places[id] = nil }
            // Only now: a crash before the transaction must find the content of every row.
            for place in released { segments.release(place) }
        } catch {
            // Never retried as if good: what the failed sync left behind is not trusted.
            segments.abandon()
            for (message, continuation, _) in commits {
                segments.release(message.place)
                continuation.resume(throwing: translate(error))
            }
            // The outcomes of attempts are kept by trying again with the next group, one by one.
            retry(updates, removals)
        }
    }

    /// Outcomes must not be lost for a disk that is full for a moment: a deletion needs little space and may free some.
    private func retry(_ updates: [QueueID: QueuedMessage], _ removals: [QueueID]) {
        for id in removals {
            try? database.write { database in
                try database.execute(sql: "DELETE FROM message WHERE id = ?", arguments: [id.rawValue])
            }
        }
        for message in updates.values { try? database.write { try QueueRows.update(message, in: $0) } }
    }

    private func place(of id: QueueID, in database: Database) throws -> ContentPlace? {
        if let place = places[id] { return place }
        let statement = try database.cachedStatement(
            sql: "SELECT segment, start, octets, checksum FROM message WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id.rawValue]).map(QueueRows.place)
    }

    /// Moves what is alive out of a segment that is mostly dead.
    private func compact() {
        guard let sparse = segments.sparse() else { return }
        do {
            let rows = try database.read { database in
                try Row.fetchAll(
                    database,
                    sql: "SELECT id, segment, start, octets, checksum FROM message WHERE segment = ? LIMIT 64",
                    arguments: [sparse])
            }
            var moved: [(Int64, ContentPlace, ContentPlace)] = []
            for row in rows {
                let old = QueueRows.place(row)
                let bytes = try Files.read(
                    SegmentFiles.path(segments.directory, sparse), offset: old.offset, count: old.count)
                moved.append((row["id"], old, try segments.append(bytes, checksum: old.checksum)))
            }
            try segments.sync()
            try database.write { database in
                for (id, _, new) in moved {
                    try database.execute(
                        sql: "UPDATE message SET segment = ?, start = ? WHERE id = ?",
                        arguments: [new.segment, new.offset, id])
                }
            }
            for (id, old, new) in moved {
                if places[QueueID(rawValue: id)] != nil { places[QueueID(rawValue: id)] = new }
                segments.release(old)
            }
        } catch {
            segments.abandon()
        }
    }

    // MARK: Disk

    private func checkDisk() throws {
        guard ContinuousClock.now - diskChecked > .seconds(1) else { return }
        try Self.guardDisk(system, directory, messageOctets)
        diskChecked = .now
    }

    static func guardDisk(_ system: any FileSystem, _ directory: String, _ messageOctets: Int) throws {
        let (free, total, inodes) = try system.free(at: directory)
        // 5 % of a large disk is more than any backlog of mail needs.
        let needed = max(min(total / 20, 1 << 30), messageOctets * 3 / 2)
        guard free >= needed else { throw QueueError.diskFull(path: directory, free: free, needed: needed) }
        guard inodes >= leastInodes else {
            throw QueueError.storageFailed("\(directory) has only \(inodes) inodes left")
        }
    }

    private func translate(_ error: any Error) -> QueueError {
        switch error {
        case let error as QueueError: return error
        case let error as SystemError: return SQLiteQueueStore.translate(error, path: directory)
        case let error as DatabaseError where error.resultCode == .SQLITE_FULL:
            return SQLiteQueueStore.translate(SystemError("sqlite", code: ENOSPC), path: directory)
        default: return .storageFailed("\(error)")
        }
    }
}
