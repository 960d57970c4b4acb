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
        var journal: EventJournal?
        var database: DatabaseQueue?
        var complaint: String?
        var number = Int64.random(in: 0...Int64.max >> 1)
        var lastTry = Date.distantPast
        while true {
            stopping.lock()
            let isClosed = buffer.withLock { $0.isClosed }
            if !isClosed { _ = stopping.wait(until: Date(timeIntervalSinceNow: Self.pause)) }
            stopping.unlock()
            let (events, isLast) = buffer.withLock { buffer in
                defer { buffer.events.removeAll(keepingCapacity: true) }
                return (buffer.events, buffer.isClosed)
            }
            do {
                if journal == nil { journal = try EventJournal(path: directory + "/events.journal") }
                guard let journal else { continue }
                let numbered = events.map { event in
                    number &+= 1
                    return (number: number, event: event)
                }
                let hadBacklog = journal.octets > 0
                append(numbered, to: journal)
                // After a failure: once a second is enough.
                let mayTry = complaint == nil || Date().timeIntervalSince(lastTry) > 1 || isLast
                if journal.octets > 0, mayTry {
                    lastTry = Date()
                    if database == nil { database = try open() }
                    try store(hadBacklog ? journal.events() : numbered, in: database)
                    journal.clear()
                    if complaint != nil { report("events are stored again") }
                    complaint = nil
                }
            } catch {
                database = nil
                journal?.sync()
                let text = "events cannot be stored and wait in \(directory)/events.journal: \(error)"
                if complaint != text { report(text) }
                complaint = text
            }
            if isLast { break }
        }
        finished.signal()
    }

    private func append(_ events: [(number: Int64, event: Event)], to journal: EventJournal) {
        guard !events.isEmpty else { return }
        var bytes: [UInt8] = []
        for (number, event) in events { bytes += EventCoding.encode(event, number: number) }
        do {
            guard journal.octets + bytes.count <= Self.journalLimit else {
                throw SystemError("journal limit", code: ENOSPC)
            }
            try journal.append(bytes)
        } catch {
            buffer.withLock { $0.dropped += events.count }
            report("\(events.count) events are lost: \(error)")
        }
    }

    private func open() throws -> DatabaseQueue {
        let database = try SQLiteFile.open(directory + "/events.sqlite", isDurable: true)
        try database.write { try EventRows.prepare($0) }
        return database
    }

    private func store(_ events: [(number: Int64, event: Event)], in database: DatabaseQueue?) throws {
        try database?.write { database in
            for (number, event) in events { try EventRows.insert(number, event, into: database) }
        }
    }
}
