import Foundation
import GRDB
import Synchronization
public import TrackingEvents

/// Keeps events: buffer, then journal, then `events.sqlite`, on a thread of its own.
///
/// Whoever records never waits. A database that is down delays events, which wait in the journal; a crash loses what was
/// not yet written to the journal, a quarter of a second at most.
public final class SQLiteEventLog: EventSink {
    /// Events in memory; more are dropped and counted.
    private static let bufferLimit = 65_536
    /// Octets of journal; more are dropped and counted.
    private static let journalLimit = 512 << 20
    /// How long an event may wait in memory.
    private static let pause = 0.2

    private struct Buffer {
        var events: [Event] = []
        var isClosed = false
        var dropped = 0
    }

    private let directory: String
    private let buffer = Mutex(Buffer())
    private let stopping = NSCondition()
    private let finished = DispatchSemaphore(value: 0)
    private let report: @Sendable (String) -> Void

    /// A log in a directory; starts its thread.
    /// - Parameter report: takes a sentence when storing fails, and when it heals.
    public init(directory: String, report: @escaping @Sendable (String) -> Void) {
        self.directory = directory
        self.report = report
        let thread = Thread { [self] in run() }
        thread.name = "event-writer"
        thread.start()
    }

    /// Keeps an event.
    public func record(_ event: Event) {
        buffer.withLock { buffer in
            if buffer.events.count < Self.bufferLimit, !buffer.isClosed {
                buffer.events.append(event)
            } else {
                buffer.dropped += 1
            }
        }
    }

    /// Events that were lost because nothing would take them.
    public var dropped: Int { buffer.withLock { $0.dropped } }

    /// Stores what is there and ends the thread; waits for it, so not for an event loop.
    public func close() {
        buffer.withLock { $0.isClosed = true }
        stopping.lock()
        stopping.signal()
        stopping.unlock()
        finished.wait()
    }

    // MARK: Thread

    private func run() {
        var writer = Writer(directory: directory, report: report)
        var reportedDrops = 0
        while true {
            stopping.lock()
            let isClosed = buffer.withLock { $0.isClosed }
            if !isClosed { _ = stopping.wait(until: Date(timeIntervalSinceNow: Self.pause)) }
            stopping.unlock()
            // Without a journal the events stay in memory.
            let canKeep = writer.openJournal()
            let (events, isLast) = buffer.withLock { buffer in
                guard canKeep || buffer.isClosed else { return ([Event](), false) }
                defer { buffer.events.removeAll(keepingCapacity: true) }
                return (buffer.events, buffer.isClosed)
            }
            if !writer.keep(events) { buffer.withLock { $0.dropped += events.count } }
            writer.store(isLast: isLast)
            let drops = dropped
            if drops > reportedDrops {
                report("\(drops - reportedDrops) events are lost: neither memory nor journal takes more")
                reportedDrops = drops
            }
            if isLast { break }
        }
        finished.signal()
    }

    /// What the thread has open.
    private struct Writer {
        let directory: String
        let report: @Sendable (String) -> Void
        private var journal: EventJournal?
        private var database: DatabaseQueue?
        /// Device and inode of the file that `database` has open.
        private var identity: [UInt64]?
        private var complaint: String?
        private var number = Int64.random(in: 0...Int64.max >> 1)
        private var lastTry = Date.distantPast
        /// What went into the journal since it was empty; `nil` where it held events before.
        private var fresh: [(number: Int64, event: Event)]?

        init(directory: String, report: @escaping @Sendable (String) -> Void) {
            self.directory = directory
            self.report = report
        }

        private var databasePath: String { directory + "/events.sqlite" }

        private mutating func complain(_ text: String) {
            if complaint != text { report(text) }
            complaint = text
        }

        mutating func openJournal() -> Bool {
            if journal != nil { return true }
            do {
                let journal = try EventJournal(path: directory + "/events.journal")
                fresh = journal.octets == 0 ? [] : nil
                self.journal = journal
                return true
            } catch {
                complain("events wait in memory, their journal cannot be opened: \(error)")
                return false
            }
        }

        /// - Returns: `false` where they could not be kept.
        mutating func keep(_ events: [Event]) -> Bool {
            guard !events.isEmpty else { return true }
            guard let journal else { return false }
            var numbered: [(number: Int64, event: Event)] = []
            for event in events {
                number &+= 1
                numbered.append((number, event))
            }
            do {
                try journal.append(numbered, limit: SQLiteEventLog.journalLimit)
                fresh? += numbered
                return true
            } catch {
                complain("events cannot be written to their journal: \(error)")
                return false
            }
        }

        /// Moves the journal into the database; after a failure once a second.
        mutating func store(isLast: Bool) {
            guard let journal, journal.octets > 0 else { return }
            guard complaint == nil || isLast || Date().timeIntervalSince(lastTry) > 1 else { return }
            lastTry = Date()
            do {
                // Somebody may have deleted or replaced the file: what went into the old one would be gone.
                if database == nil || identity == nil || identity != fileIdentity() {
                    try? database?.close()
                    database = nil
                    let opened = try SQLiteFile.open(databasePath, isDurable: true)
                    try opened.write { try EventRows.prepare($0) }
                    database = opened
                    identity = fileIdentity()
                }
                var events = fresh ?? []
                if fresh == nil {
                    let backlog = try journal.events()
                    events = backlog.events
                    if backlog.damaged > 0 {
                        report("\(backlog.damaged) damaged lines of the event journal are left out")
                    }
                }
                try database?.write { database in
                    for (number, event) in events { try EventRows.insert(number, event, into: database) }
                }
                journal.clear()
                fresh = journal.octets == 0 ? [] : nil
                if complaint != nil { report("events are stored again") }
                complaint = nil
            } catch {
                database = nil
                fresh = nil
                journal.sync()
                complain("events cannot be stored and wait in \(directory)/events.journal: \(error)")
            }
        }

        private func fileIdentity() -> [UInt64]? {
            var status = stat()
            guard stat(databasePath, &status) == 0 else { return nil }
            return [UInt64(status.st_dev), UInt64(status.st_ino)]
        }
    }
}
