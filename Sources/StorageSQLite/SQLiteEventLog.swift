import Foundation
import GRDB
import Synchronization
public import TrackingEvents

/// Keeps events: buffer, then journal, then `events.sqlite`, on a thread of its own.
///
/// Whoever records never waits. A database that is down delays events, which wait in the journal; a crash loses what was
/// not yet written to the journal, a quarter of a second at most.
public final class SQLiteEventLog: EventSink {
    /// What the log does besides keeping.
    public struct Options: Sendable {
        /// Rules for classes.
        public var rules = HitRules.shipped
        /// Clocks; `nil` keeps everything.
        public var retention: Retention?
        /// Whether there is no database: a tracker that hands its journal over.
        public var isJournalOnly = false
        /// Octets of journal; more are dropped and counted.
        public var journalLimit = 512 << 20
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
        /// What is wrong, or empty.
        public var complaint = ""
    }

    /// Events in memory; more are dropped and counted.
    private static let bufferLimit = 65_536
    /// How long an event may wait in memory.
    private static let pause = 0.2

    private struct Buffer {
        var events: [Event] = []
        var isClosed = false
        var status = Status()
    }

    private let buffer = Mutex(Buffer())
    private let stopping = NSCondition()
    private let finished = DispatchSemaphore(value: 0)
    private let report: @Sendable (String) -> Void

    /// A log in a directory; starts its thread.
    /// - Parameter report: takes a sentence when storing fails, and when it heals.
    public init(directory: String, options: Options = Options(), report: @escaping @Sendable (String) -> Void) {
        self.report = report
        let thread = Thread { [self] in run(EventKeeper(directory: directory, options: options, report: report)) }
        thread.name = "event-writer"
        thread.start()
    }

    /// Keeps an event.
    public func record(_ event: Event) {
        buffer.withLock { buffer in
            if buffer.events.count < Self.bufferLimit, !buffer.isClosed {
                buffer.events.append(event)
            } else {
                buffer.status.dropped += 1
            }
        }
    }

    /// How the log is now.
    public var status: Status { buffer.withLock { $0.status } }

    /// Events that were lost because nothing would take them.
    public var dropped: Int { status.dropped }

    /// Stores what is there and ends the thread; waits for it, so not for an event loop.
    public func close() {
        buffer.withLock { $0.isClosed = true }
        stopping.lock()
        stopping.signal()
        stopping.unlock()
        finished.wait()
    }

    private func run(_ keeper: EventKeeper) {
        // Answers come first: what is written here can wait for a quiet moment.
        keeper.yieldToOthers()
        var reportedDrops = 0
        var isBehind = false
        while true {
            stopping.lock()
            let isClosed = buffer.withLock { $0.isClosed }
            if !isClosed, !isBehind { _ = stopping.wait(until: Date(timeIntervalSinceNow: Self.pause)) }
            stopping.unlock()
            // Without a journal the events stay in memory.
            let canKeep = keeper.openJournal()
            let (events, isLast) = buffer.withLock { buffer in
                guard canKeep || buffer.isClosed else { return ([Event](), false) }
                defer { buffer.events.removeAll(keepingCapacity: true) }
                return (buffer.events, buffer.isClosed)
            }
            let isKept = keeper.keep(events)
            isBehind = keeper.store(isLast: isLast)
            let drops = buffer.withLock { buffer in
                if !isKept { buffer.status.dropped += events.count }
                buffer.status.waitingOctets = keeper.waitingOctets
                buffer.status.complaint = keeper.complaint ?? ""
                return buffer.status.dropped
            }
            if drops > reportedDrops {
                report("\(drops - reportedDrops) events are lost: neither memory nor journal takes more")
                reportedDrops = drops
            }
            if isLast { break }
        }
        finished.signal()
    }
}
