import Foundation
import GRDB
import Synchronization
public import TrackingEvents

/// Keeps events: buffer, then journal, then `events.sqlite`, on threads of its own.
///
/// Whoever records never waits. A database that is down delays events, which wait in the journal; a crash loses what was
/// not yet written to the journal, a quarter of a second at most, of hits: what is told of mail is told again until it is
/// here for good.
public final class SQLiteEventLog: EventSink {
    /// What the log does besides keeping.
    public struct Options: Sendable {
        /// Rules for classes.
        public var rules = HitRules.shipped
        /// The clocks of the moment; `nil` keeps everything.
        public var retention: (@Sendable () -> Retention)?
        /// Whether there is no database: a tracker that hands its journal over.
        public var isJournalOnly = false
        /// Octets of journal; more are dropped and counted.
        public var journalLimit = 512 << 20
        /// Called with the number of the last notice that is here for good, and all before it.
        public var acknowledge: @Sendable (_ number: Int64) -> Void = { _ in }
        /// Called for each stored hit with its class.
        public var observe: @Sendable (HitRecord, HitClass) -> Void = { _, _ in }

        /// The defaults.
        public init() {}
    }

    /// How the log is.
    public struct Status: Sendable, Hashable {
        /// Events that were lost because nothing would take them.
        public var dropped = 0
        /// Octets of journal that the database does not have yet.
        public var waitingOctets = 0
        var journalComplaint = ""
        var storeComplaint = ""
        /// What is wrong, or empty.
        public var complaint: String { journalComplaint.isEmpty ? storeComplaint : journalComplaint }
    }

    /// Events in memory; more are dropped and counted.
    private static let bufferLimit = 65_536
    /// At so many the journal's turn comes at once.
    private static let urgentCount = 8_192
    /// How long an event may wait in memory.
    private static let pause = 0.2

    private enum Entry {
        case event(Event)
        /// A line, and its number among the notices.
        case notice([UInt8], number: Int64)
    }

    private struct Buffer {
        var entries: [Entry] = []
        /// Who waits until what is here is synced.
        var waiters: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
        /// Whether there is no thread that stores.
        var hasNoStore = false
        var status = Status()
    }

    private let buffer = Mutex(Buffer())
    private let file: EventJournalFile
    private let wakeup = DispatchSemaphore(value: 0)
    private let kept = DispatchSemaphore(value: 0)
    private let finished = DispatchSemaphore(value: 0)
    private let isKeepingDone = Atomic<Bool>(false)
    private let report: @Sendable (String) -> Void
    private let acknowledge: @Sendable (Int64) -> Void
    private let records = EventRecords()

    /// A log in a directory; starts its threads: one writes the journal, so that nothing that was answered is lost
    /// however slow storing is, one stores.
    /// - Parameter report: takes a sentence when storing fails, and when it heals.
    public init(directory: String, options: Options = Options(), report: @escaping @Sendable (String) -> Void) {
        self.report = report
        acknowledge = options.acknowledge
        file = EventJournalFile(
            directory: directory, limit: options.journalLimit, isHandedOver: options.isJournalOnly)
        start("event-journal") { [self] in keepEvents() }
        guard !options.isJournalOnly else {
            buffer.withLock { $0.hasNoStore = true }
            return
        }
        start("event-store") { [self] in
            store(EventKeeper(directory: directory, options: options, file: file, report: report))
        }
    }

    private func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    /// Keeps an event.
    public func record(_ event: Event) {
        let isUrgent = buffer.withLock { buffer in
            guard buffer.entries.count < Self.bufferLimit, !buffer.isClosed else {
                buffer.status.dropped += 1
                return false
            }
            buffer.entries.append(.event(event))
            return buffer.entries.count == Self.urgentCount
        }
        if isUrgent { wakeup.signal() }
    }

    /// Keeps what is told of mail, and acknowledges it once it is here for good. Each is a record of ``EventRecords``: one
    /// that is told twice is stored once.
    /// - Returns: how many it took.
    public func take(_ notices: [(number: Int64, record: [UInt8])]) -> Int {
        let (count, isUrgent) = buffer.withLock { buffer in
            let before = buffer.entries.count
            let taken = buffer.isClosed ? [] : notices.prefix(max(0, Self.bufferLimit - before))
            for notice in taken { buffer.entries.append(.notice(notice.record, number: notice.number)) }
            return (taken.count, before < Self.urgentCount && buffer.entries.count >= Self.urgentCount)
        }
        if isUrgent { wakeup.signal() }
        return count
    }

    /// Comes back once what is here is on the disk, or could not be brought there.
    public func flush() async {
        await withCheckedContinuation { continuation in
            let isClosed = buffer.withLock { buffer in
                if !buffer.isClosed { buffer.waiters.append(continuation) }
                return buffer.isClosed
            }
            if isClosed { continuation.resume() } else { wakeup.signal() }
        }
    }

    /// How the log is now.
    public var status: Status { buffer.withLock { $0.status } }

    /// Events that were lost because nothing would take them.
    public var dropped: Int { status.dropped }

    /// Stores what is there and ends the threads; waits for them, so not for an event loop.
    public func close() {
        buffer.withLock { $0.isClosed = true }
        wakeup.signal()
        finished.wait()
        file.current?.release()
    }

    // MARK: Journal thread

    private func keepEvents() {
        var complaint = ""
        var reportedDrops = 0
        var lastSync = Date()
        var sync = JournalSync()
        while true {
            _ = wakeup.wait(timeout: .now() + Self.pause)
            // Without a journal the events stay in memory.
            var failure = attempt { try file.open() }.map {
                "events wait in memory, their journal cannot be opened: \($0)"
            }
            let (entries, waiters, isLast, hasNoStore) = buffer.withLock { buffer in
                defer { buffer.waiters = [] }
                guard failure == nil || buffer.isClosed else {
                    return ([Entry](), buffer.waiters, false, buffer.hasNoStore)
                }
                defer { buffer.entries.removeAll(keepingCapacity: true) }
                return (buffer.entries, buffer.waiters, buffer.isClosed, buffer.hasNoStore)
            }
            if let error = attempt({ try file.keep(entries.map(line)) }) {
                putBack(entries)
                failure = failure ?? "events cannot be written to their journal: \(error)"
            } else {
                sync.wrote(entries.reduce(0) { max($0, notice($1) ?? 0) })
            }
            if isLast || !waiters.isEmpty || Date().timeIntervalSince(lastSync) > 0.8 {
                switch sync.run(file.current) {
                case .synced(let number?): acknowledge(number)
                case .synced(nil): break
                case .failed(let error): failure = failure ?? "events.journal cannot be synced: \(error)"
                }
                lastSync = Date()
            }
            for waiter in waiters { waiter.resume() }
            let drops = buffer.withLock { buffer in
                buffer.status.journalComplaint = failure ?? ""
                if hasNoStore { buffer.status.waitingOctets = file.current?.octets ?? 0 }
                return buffer.status.dropped
            }
            if let failure, failure != complaint { report(failure) }
            complaint = failure ?? ""
            if drops > reportedDrops {
                report("\(drops - reportedDrops) events are lost: neither memory nor journal takes more")
                reportedDrops = drops
            }
            guard isLast else { continue }
            isKeepingDone.store(true, ordering: .releasing)
            kept.signal()
            if hasNoStore { finished.signal() }
            return
        }
    }

    private func line(_ entry: Entry) -> [UInt8] {
        switch entry {
        case .event(let event): records.record(event)
        case .notice(let line, _): line
        }
    }

    private func notice(_ entry: Entry) -> Int64? {
        switch entry {
        case .event: nil
        case .notice(_, let number): number
        }
    }

    /// A journal that cannot be written now may be in a moment; meanwhile they wait where they came from. Of mail all do:
    /// they were taken. Those that are left when the log closes are told again at the next start.
    private func putBack(_ entries: [Entry]) {
        buffer.withLock { buffer in
            var room = buffer.isClosed ? 0 : max(0, Self.bufferLimit - buffer.entries.count)
            let kept = entries.filter { entry in
                if notice(entry) != nil { return !buffer.isClosed }
                room -= 1
                if room < 0 { buffer.status.dropped += 1 }
                return room >= 0
            }
            buffer.entries.insert(contentsOf: kept, at: 0)
        }
    }

    private func attempt(_ body: () throws -> Void) -> (any Error)? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Store thread

    private func store(_ keeper: EventKeeper) {
        // Answers come first: what is stored here can wait for a quiet moment.
        keeper.yieldToOthers()
        var isBehind = false
        while true {
            if !isBehind { _ = kept.wait(timeout: .now() + Self.pause) }
            let isLast = isKeepingDone.load(ordering: .acquiring)
            isBehind = keeper.store(isLast: isLast)
            buffer.withLock { buffer in
                buffer.status.waitingOctets = keeper.waitingOctets
                buffer.status.storeComplaint = keeper.complaint ?? ""
            }
            if isLast { break }
        }
        finished.signal()
    }
}
