import Dispatch
import Foundation
import GRDB
import Glibc
public import MessageQueue
import Synchronization

/// The queue on disk: rows in `queue.sqlite`, contents in `segments/`, one writer thread that commits in groups.
public final class SQLiteQueueStore: QueueStore {
    enum Operation {
        case commit(QueueWriter.Commit)
        case update(QueuedMessage, telling: [[UInt8]])
        case remove(QueueID, telling: [[UInt8]])
        case told(Int64)
        case read(@Sendable (QueueWriter) throws -> Void, failed: @Sendable (any Error) -> Void)
        case close(CheckedContinuation<Void, Never>)

        var isOutcome: Bool {
            switch self {
            case .update, .remove: true
            case .commit, .told, .read, .close: false
            }
        }
    }

    struct Options {
        let directory: String
        let messageOctets: Int
        let system: any FileSystem
        let sealOctets: Int64
        let erasePause: Duration
        let report: @Sendable (String) -> Void

        var segmentDirectory: String { directory + "/segments" }
    }

    private struct Pending {
        var operations: [Operation] = []
        var isClosed = false
        var spills = 0
        /// Outcomes that the writer could not write.
        var unwritten = 0
        /// Those in ``operations``, and those it is writing.
        var waiting = 0
        var inWriting = 0
        /// Where contents stand that may be asked for: those that were committed or found due.
        var places: [QueueID: ContentPlace] = [:]
    }

    /// More are looked up.
    private static let knownPlaces = 8_192

    private let options: Options
    private let pending = Mutex(Pending())
    private let wakeup = DispatchSemaphore(value: 0)
    private let readers = DispatchQueue(label: "tracerelay.queue.read", attributes: .concurrent)
    private let reader: SegmentReader

    /// A store in a directory; nothing is opened yet.
    /// - Parameters:
    ///   - messageOctets: size of the largest message, for the disk guard.
    ///   - observeSync: called with the nanoseconds of each sync of contents.
    ///   - report: takes a sentence when the store is in trouble, and when it is over.
    public convenience init(
        directory: String, messageOctets: Int, observeSync: @escaping @Sendable (Int64) -> Void = { _ in },
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.init(
            directory: directory, messageOctets: messageOctets, system: TimedSystem(observe: observeSync),
            report: report)
    }

    init(
        directory: String, messageOctets: Int, system: any FileSystem,
        sealOctets: Int64 = SegmentFiles.sealOctets, erasePause: Duration = .seconds(60),
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        options = Options(
            directory: directory, messageOctets: messageOctets, system: system, sealOctets: sealOctets,
            erasePause: erasePause, report: report)
        reader = SegmentReader(directory: options.segmentDirectory)
    }

    private var directory: String { options.directory }

    // MARK: QueueStore

    /// Starts the writer thread, which recovers what an earlier run left behind.
    public func open() async throws -> QueueRecovery {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { [self] in
                do {
                    let writer = try QueueWriter(options, reader: reader)
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
    public func commit(_ message: QueuedMessage, _ content: [UInt8], telling records: [[UInt8]]) async throws {
        try await enter(message, .memory(content, checksum: XXH64.checksum(content)), telling: records)
    }

    func enter(_ message: QueuedMessage, _ content: QueueWriter.Content, telling records: [[UInt8]]) async throws {
        let place: ContentPlace = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                enqueue(.commit(.init(message: message, content: content, telling: records, continuation: $0)))
            }
        } onCancel: {
            withdraw(message.id)
        }
        note([(message.id, place)])
    }

    func knownPlace(of id: QueueID) -> ContentPlace? { pending.withLock { $0.places[id] } }

    private func note(_ places: [(id: QueueID, place: ContentPlace)]) {
        pending.withLock { pending in
            if pending.places.count + places.count > Self.knownPlaces {
                pending.places.removeAll(keepingCapacity: true)
            }
            for (id, place) in places { pending.places[id] = place }
        }
    }

    /// Takes back a commit that the writer has not begun: on a disk that hangs it may begin when its client has long gone to
    /// send the mail again.
    private func withdraw(_ id: QueueID) {
        let commit: QueueWriter.Commit? = pending.withLock { pending in
            for (index, operation) in pending.operations.enumerated() {
                if case .commit(let commit) = operation, commit.message.id == id {
                    pending.operations.remove(at: index)
                    return commit
                }
            }
            return nil
        }
        commit?.continuation.resume(throwing: QueueError.withdrawn)
    }

    /// Records progress; written with the next group.
    public func update(_ message: QueuedMessage, telling records: [[UInt8]]) {
        enqueue(.update(message, telling: records))
    }

    /// Forgets a message; its segment is freed when nothing else lives there.
    public func remove(_ id: QueueID, telling records: [[UInt8]]) {
        pending.withLock { $0.places[id] = nil }
        enqueue(.remove(id, telling: records))
    }

    /// Tells what is durable, on the writer's thread.
    public func tell(_ listener: @escaping QueueListener) async throws {
        try await perform { try $0.begin(listener) }
    }

    /// Taken note of when the writer has something to do anyhow.
    public func told(upTo number: Int64) { enqueue(.told(number), isUrgent: false) }

    /// The content, checked against its checksum.
    public func content(of id: QueueID) async throws -> [UInt8] {
        if let known = knownPlace(of: id), case .whole(let bytes) = await read(known) { return bytes }
        // It may have been moved by compaction since.
        let place = try await perform { try $0.desk.place(of: id) }
        guard let place else { throw QueueError.unreadable(id, "it has left the queue") }
        switch await read(place) {
        case .whole(let bytes): return bytes
        case .trouble(let error): throw QueueError.unreadable(id, "\(error)")
        case .damaged(let reason):
            options.report("mail \(id) is damaged, it is kept and not sent: \(reason)")
            throw QueueError.damaged(id)
        }
    }

    private func read(_ place: ContentPlace) async -> SegmentReader.Reading {
        await withCheckedContinuation { continuation in
            readers.async { [reader] in continuation.resume(returning: reader.read(place)) }
        }
    }

    /// Messages of an upstream whose next attempt is due, oldest first.
    public func due(
        _ upstream: String, before now: Int64, beyond horizon: Int64, limit: Int
    ) async throws -> [QueuedMessage] {
        let found = try await perform { try $0.due(upstream, before: now, beyond: horizon, limit: limit) }
        note(found.map { ($0.message.id, $0.place) })
        return found.map(\.message)
    }

    /// When the next attempt after `now` is due, in milliseconds since 1970.
    public func nextDue(_ upstreams: [String], after now: Int64) async throws -> Int64? {
        try await perform { try $0.nextDue(upstreams, after: now) }
    }

    /// Moves messages of upstreams that no longer exist to `fallback`.
    public func reassign(unless known: [String], to fallback: String) async throws {
        try await perform { try $0.reassign(unless: known, to: fallback) }
    }

    /// Messages whose latest outcome could not be written so far.
    public var unwritten: Int { pending.withLock { $0.unwritten } }

    /// Outcomes that are not on disk yet.
    public var owed: Int { pending.withLock { $0.unwritten + $0.waiting + $0.inWriting } }

    /// Whether another process has written to the queue.
    public func wasChangedByOthers() async throws -> Bool {
        try await perform { try $0.wasChangedByOthers() }
    }

    /// A file for a content that is too large for memory.
    public func makeSpill() throws -> any QueueSpill {
        let number = pending.withLock { pending in
            pending.spills += 1
            return pending.spills
        }
        do {
            try QueueWriter.guardDisk(options.system, directory, options.messageOctets)
            return try FileSpill(
                path: "\(options.segmentDirectory)/\(getpid())-\(number).spill", system: options.system, store: self)
        } catch let error as SystemError {
            throw Self.translate(error, path: directory)
        }
    }

    /// Writes what is pending and ends the thread.
    public func close() async { await withCheckedContinuation { enqueue(.close($0)) } }

    // MARK: Writer thread

    private enum Entry { case taken, withdrawn, closed }

    private func enqueue(_ operation: Operation, isUrgent: Bool = true) {
        let entry: Entry = pending.withLock { pending in
            if pending.isClosed { return .closed }
            // Whoever is cancelled later finds it in the list.
            if case .commit = operation, Task.isCancelled { return .withdrawn }
            pending.operations.append(operation)
            if operation.isOutcome { pending.waiting += 1 }
            return .taken
        }
        guard entry != .taken else {
            if isUrgent { wakeup.signal() }
            return
        }
        switch operation {
        case .commit(let commit):
            commit.continuation.resume(
                throwing: entry == .withdrawn ? QueueError.withdrawn : .storageFailed("the queue is closed"))
        case .read(_, let failed): failed(QueueError.storageFailed("the queue is closed"))
        case .close(let continuation): continuation.resume()
        case .update, .remove, .told: break
        }
    }

    func perform<Value: Sendable>(_ body: @escaping @Sendable (QueueWriter) throws -> Value) async throws
        -> Value
    {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
            enqueue(
                .read(
                    { continuation.resume(returning: try body($0)) },
                    failed: { continuation.resume(throwing: $0 as? QueueError ?? .storageFailed("\($0)")) }))
        }
    }

    private func run(_ writer: QueueWriter) {
        while true {
            // What could not be written is tried again, whether or not somebody comes.
            if unwritten > 0 { _ = wakeup.wait(timeout: .now() + .seconds(1)) } else { wakeup.wait() }
            // What came in while the last group was synced goes into this one.
            let group = pending.withLock { pending in
                defer {
                    pending.operations = []
                    pending.inWriting += pending.waiting
                    pending.waiting = 0
                }
                return pending.operations
            }
            guard !group.isEmpty || unwritten > 0 else { continue }
            let done = writer.perform(group) { unwritten in
                pending.withLock { pending in
                    pending.unwritten = unwritten
                    pending.inWriting = 0
                }
            }
            if let done {
                pending.withLock { $0.isClosed = true }
                writer.close()
                done.resume()
                return
            }
        }
    }
}
