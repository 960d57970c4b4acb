import Foundation
import GRDB
import Glibc
import MessageQueue

/// What the writer thread does; lives on that thread.
final class QueueWriter {
    /// What became of a message, as it is to be written.
    struct Outcome {
        enum Fate {
            case update(QueuedMessage)
            case remove
        }

        var fate: Fate
        /// What is told of it, and of what it came after.
        var telling: [[UInt8]]

        var isRemoval: Bool {
            switch fate {
            case .update: false
            case .remove: true
            }
        }
    }

    enum Content {
        case memory([UInt8], checksum: UInt64)
        case file(FileSpill)
    }

    struct Commit {
        let message: QueuedMessage
        let content: Content
        let telling: [[UInt8]]
        let continuation: CheckedContinuation<ContentPlace, any Error>
    }

    /// A commit whose content stands in a segment.
    typealias Placed = (commit: Commit, place: ContentPlace)

    /// Outcomes that fail one after the other before the rest is left for later: the disk is bad, not the row.
    private static let failuresInARow = 3

    let database: DatabaseQueue
    /// Lists and changes rows for people.
    var desk: QueueInspector { QueueInspector(database: database, reader: reader) }
    let segments: SegmentFiles
    let directory: String
    let reader: SegmentReader
    /// Takes a sentence for the log.
    let report: @Sendable (String) -> Void
    let system: any FileSystem
    let messageOctets: Int
    private let lock: Int32
    private(set) var recovery = QueueRecovery()
    /// Outcomes that are not on disk yet; their messages are not offered.
    private(set) var unwritten: [QueueID: Outcome] = [:]
    private var isComplaining = false
    private var lastFailure = ""
    var diskChecked = ContinuousClock.now - .seconds(10)
    /// What `data_version` was when the accounts were settled.
    var lastVersion = 0
    /// A compaction that failed is not tried again before.
    var compactionRests = ContinuousClock.now
    var outbox: QueueOutbox
    var erasure: QueueErasure

    init(_ options: SQLiteQueueStore.Options, reader: SegmentReader) throws {
        directory = options.directory
        system = options.system
        messageOctets = options.messageOctets
        report = options.report
        erasure = QueueErasure(pause: options.erasePause)
        self.reader = reader
        let folder = options.segmentDirectory
        try Files.makeDirectory(directory)
        let lock = try Files.open(directory + "/queue.lock", O_RDWR | O_CREAT)
        self.lock = lock
        do {
            guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw QueueError.locked(path: directory) }
            try Files.makeDirectory(folder)
            segments = SegmentFiles(directory: folder, system: system, sealOctets: options.sealOctets)
            (database, recovery) = try QueueStart(directory: directory, segments: segments, system: system).open()
            outbox = try database.read { try QueueOutbox($0) }
        } catch {
            Glibc.close(lock)
            throw error
        }
    }

    deinit { Glibc.close(lock) }

    /// Lets another take the queue over, before whoever closed it is told.
    func close() {
        // A database that cannot be closed now is closed with its last statement; the rows are on disk either way.
        try? database.close()
        flock(lock, LOCK_UN)
    }

    // MARK: Groups

    /// Carries out a group: contents, one sync of each segment they are in, one transaction, then the answers.
    /// - Parameter written: takes the number of outcomes that could not be written, before anybody is answered by it.
    /// - Returns: the answer to `close`, where it was in the group.
    func perform(
        _ group: [SQLiteQueueStore.Operation], written: (Int) -> Void
    ) -> CheckedContinuation<Void, Never>? {
        var commits: [Commit] = []
        var reads: [(@Sendable (QueueWriter) throws -> Void, @Sendable (any Error) -> Void)] = []
        var closing: CheckedContinuation<Void, Never>?
        for operation in group {
            switch operation {
            case .commit(let commit): commits.append(commit)
            case .update(let message, let telling): enter(message.id, .update(message), telling)
            case .remove(let id, let telling): enter(id, .remove, telling)
            case .told(let number): outbox.acknowledge(upTo: number)
            case .read(let body, let failed): reads.append((body, failed))
            case .close(let continuation): closing = continuation
            }
        }
        write(synced(placed(commits)))
        written(unwritten.count)
        tell(isLast: closing != nil)
        for (body, failed) in reads {
            do { try body(self) } catch { failed(error) }
        }
        if closing == nil {
            compact()
            erase()
        } else {
            erase(isLast: true)
            tellWhatIsLost()
        }
        return closing
    }

    private func enter(_ id: QueueID, _ fate: Outcome.Fate, _ telling: [[UInt8]]) {
        guard let earlier = unwritten[id] else {
            unwritten[id] = Outcome(fate: fate, telling: telling)
            return
        }
        // Nothing brings back what is to be removed.
        unwritten[id] = Outcome(
            fate: earlier.isRemoval ? earlier.fate : fate, telling: earlier.telling + telling)
    }

    /// Brings contents into segments. One that cannot be written fails alone.
    private func placed(_ commits: [Commit]) -> [Placed] {
        commits.compactMap { commit in
            do {
                try checkDisk()
                switch commit.content {
                case .memory(let bytes, let checksum): return (commit, try segments.append(bytes, checksum: checksum))
                case .file(let spill):
                    let place = try segments.adopt(spill)
                    spill.committed()
                    return (commit, place)
                }
            } catch {
                commit.continuation.resume(throwing: translate(error))
                return nil
            }
        }
    }

    /// Syncs what the group wrote. What stands in a segment whose sync failed fails with it.
    private func synced(_ commits: [Placed]) -> [Placed] {
        let failures = segments.sync()
        return commits.filter { commit in
            guard let error = failures[commit.place.segment] else { return true }
            refuse(commit, error)
            return false
        }
    }

    private func write(_ commits: [Placed]) {
        defer { complain() }
        guard !commits.isEmpty || !unwritten.isEmpty else { return }
        do {
            try store(commits, unwritten)
        } catch {
            lastFailure = "\(error)"
            // Neither may hold up the other: a row that cannot be changed is no reason to take no mail, and a full disk
            // that has no room for new rows may have some for deletions.
            if !unwritten.isEmpty, !commits.isEmpty {
                do { try store(commits, [:]) } catch { for commit in commits { refuse(commit, error) } }
            } else {
                for commit in commits { refuse(commit, error) }
            }
            writeOneByOne()
        }
        sweep()
    }

    /// One transaction; nothing is forgotten or answered before it is on disk.
    private func store(_ commits: [Placed], _ outcomes: [QueueID: Outcome]) throws {
        let touched = segments.octets(of: Set(commits.map(\.place.segment)))
        let (released, notices) = try database.write { database in
            for (commit, place) in commits { try QueueRows.insert(commit.message, place, into: database) }
            for (number, octets) in touched {
                try database.cachedStatement(
                    sql: "INSERT INTO segment (number, octets) VALUES (?, ?) "
                        + "ON CONFLICT (number) DO UPDATE SET octets = excluded.octets"
                ).execute(arguments: [number, octets])
            }
            var released: [(segment: Int64, octets: Int64)] = []
            for (id, outcome) in outcomes {
                switch outcome.fate {
                case .update(let message): try QueueRows.update(message, in: database)
                case .remove:
                    if let place = try Self.delete(id, in: database) { released.append(place) }
                }
            }
            let records = commits.flatMap(\.commit.telling) + outcomes.values.flatMap(\.telling)
            return (released, try outbox.write(records, in: database))
        }
        segments.mark(touched)
        for (commit, place) in commits { commit.continuation.resume(returning: place) }
        for id in outcomes.keys { unwritten[id] = nil }
        if outbox.committed(notices) || !outcomes.isEmpty { erasure.isLogSoiled = true }
        // Only now: a crash before the transaction must find the content of every row.
        for place in released { segments.release(place.segment, count: 1, octets: place.octets) }
    }

    /// - Returns: the place that is free now; `nil` where somebody else has deleted the row, and told of it in `gone`.
    private static func delete(_ id: QueueID, in database: Database) throws -> (segment: Int64, octets: Int64)? {
        let statement = try database.cachedStatement(
            sql: "DELETE FROM message WHERE id = ? RETURNING segment, \(QueueSchema.soundOctets) AS size")
        guard let row = try Row.fetchOne(statement, arguments: [id.rawValue]),
            let segment = Int64.fromDatabaseValue(row["segment"])
        else { return nil }
        return (segment, Int64.fromDatabaseValue(row["size"]) ?? 0)
    }

    private func writeOneByOne() {
        var failures = 0
        // Deletions first: they need little space.
        let removals = unwritten.keys.filter { unwritten[$0]?.isRemoval == true }
        for id in removals + unwritten.keys.filter({ !removals.contains($0) }) {
            guard failures < Self.failuresInARow, let outcome = unwritten[id] else { return }
            do {
                try store([], [id: outcome])
                failures = 0
            } catch {
                failures += 1
            }
        }
    }

    /// Once when outcomes cannot be written, and once when all are.
    private func complain() {
        guard isComplaining == unwritten.isEmpty else { return }
        isComplaining.toggle()
        report(
            isComplaining
                ? "queue.sqlite cannot be written: \(lastFailure). What became of \(unwritten.count) mails is kept in "
                    + "memory and tried again each second; they are not sent again meanwhile. Make room or mend the disk "
                    + "before you stop the service"
                : "queue.sqlite can be written again; what became of all mails is written")
    }

    private func tellWhatIsLost() {
        guard !unwritten.isEmpty else { return }
        let names = unwritten.keys.sorted().prefix(20).map(\.description).joined(separator: " ")
        report(
            "stopping, but what became of \(unwritten.count) mails could not be written (\(lastFailure)); after the next "
                + "start they are sent again, to recipients that have them, too: \(names)")
    }

    private func refuse(_ placed: Placed, _ error: any Error) {
        segments.release(placed.place.segment, count: 1, octets: Int64(placed.place.count))
        placed.commit.continuation.resume(throwing: translate(error))
    }

    // MARK: Errors

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
