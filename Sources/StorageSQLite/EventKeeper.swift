import Foundation
import GRDB
import TrackingEvents

/// What the event thread has open: the journal, how far the database has it, and the database.
final class EventKeeper {
    /// Stored lines stay for this long, in the journal or the one before it, so that a database that somebody deletes can
    /// have them again.
    private static let journalTime: TimeInterval = 60
    private static let journalRestOctets = 64 << 20
    /// How long another writer may hold the database before the journal's turn comes again.
    private static let busyTime = 0.1
    private static let retentionPause: TimeInterval = 600
    private static let cursorNames = ["journal", "offset"]

    private let directory: String
    private let options: SQLiteEventLog.Options
    private let report: @Sendable (String) -> Void
    private let writer: EventWriter
    private var journal: EventJournal?
    private var journalBegin = Date()
    private var database: DatabaseQueue?
    /// Device and inode of the file that `database` has open.
    private var identity: [UInt64]?
    private var dataVersion = 0
    private var stored = 0
    private(set) var complaint: String?
    private var number = Int64.random(in: 0...Int64.max >> 1)
    private var lastTry = Date.distantPast
    private var lastSync = Date()
    private var nextRetention = Date()

    init(directory: String, options: SQLiteEventLog.Options, report: @escaping @Sendable (String) -> Void) {
        self.directory = directory
        self.options = options
        self.report = report
        writer = EventWriter(rules: options.rules, observe: options.observe)
    }

    var waitingOctets: Int { (journal?.octets ?? 0) - (options.isJournalOnly ? 0 : stored) }
    private var databasePath: String { directory + "/events.sqlite" }
    private var journalPath: String { directory + "/events.journal" }
    /// The journal before this one; all of it is stored.
    private var oldJournalPath: String { directory + "/events.journal.old" }

    /// Lowers the priority of the calling thread, which is what 0 stands for on Linux.
    func yieldToOthers() { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }

    private func complain(_ text: String) {
        if complaint != text { report(text) }
        complaint = text
    }

    // MARK: Journal

    func openJournal() -> Bool {
        // Handing over is moving the file away: what comes then goes into a new one.
        if let journal, options.isJournalOnly, !journal.isInPlace { self.journal = nil }
        if journal != nil { return true }
        do {
            journal = try EventJournal(path: journalPath)
            journalBegin = Date()
            stored = 0
            return true
        } catch {
            complain("events wait in memory, their journal cannot be opened: \(error)")
            return false
        }
    }

    /// - Returns: `false` where they could not be kept.
    func keep(_ events: [Event]) -> Bool {
        guard !events.isEmpty else { return true }
        guard let journal else { return false }
        var numbered: [(number: Int64, event: Event)] = []
        numbered.reserveCapacity(events.count)
        for event in events {
            number &+= 1
            numbered.append((number, event))
        }
        do {
            try journal.append(numbered, limit: options.journalLimit)
            return true
        } catch {
            complain("events cannot be written to their journal: \(error)")
            return false
        }
    }

    // MARK: Database

    /// Moves a piece of the journal into the database; after a failure once a second.
    /// - Returns: whether there is more to do at once.
    func store(isLast: Bool) -> Bool {
        guard let journal else { return false }
        if Date().timeIntervalSince(lastSync) > 0.8 || isLast {
            journal.sync()
            lastSync = Date()
        }
        guard !options.isJournalOnly else { return false }
        guard complaint == nil || isLast || Date().timeIntervalSince(lastTry) > 1 else { return false }
        do {
            try openDatabase(journal)
            repeat { try storePiece(journal) } while isLast && stored < journal.octets
            if stored == journal.octets { try rest(journal) }
            if complaint != nil { report("events are stored again") }
            complaint = nil
            return stored < journal.octets
        } catch {
            lastTry = Date()
            writer.forget()
            database = nil
            complain("events cannot be stored and wait in \(directory)/events.journal: \(error)")
            return false
        }
    }

    /// Somebody may have deleted or replaced the file: what went into the old one would be gone.
    private func openDatabase(_ journal: EventJournal) throws {
        guard database == nil || identity == nil || identity != fileIdentity() else { return }
        try? database?.close()
        database = nil
        writer.forget()
        let opened = try SQLiteFile.open(databasePath, isDurable: true, busyTime: Self.busyTime)
        var isNew = false
        stored = try opened.write { database in
            try EventSchema.prepare(database)
            isNew = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM state") == 0
            let cursor = try Self.cursorNames.map { name in
                try Int64.fetchOne(database, sql: "SELECT value FROM state WHERE name = ?", arguments: [name]) ?? 0
            }
            return cursor[0] == journal.identity && cursor[1] <= journal.octets ? Int(cursor[1]) : 0
        }
        database = opened
        identity = fileIdentity()
        if isNew, Files.exists(oldJournalPath) {
            let old = try EventJournal(reading: oldJournalPath)
            var offset = 0
            while offset < old.octets {
                let piece = try old.events(from: offset)
                _ = try opened.write { try writer.store(piece.events, in: $0) }
                offset = piece.end
            }
        }
    }

    private func storePiece(_ journal: EventJournal) throws {
        guard let database, stored < journal.octets else { return }
        let piece = try journal.events(from: stored)
        try database.write { database in
            let version = try Int.fetchOne(database, sql: "PRAGMA data_version") ?? 0
            if version != dataVersion { writer.forget() }
            dataVersion = version
            _ = try writer.store(piece.events, in: database)
            try Self.write(piece.end, journal, database)
        }
        guard fileIdentity() == identity else { throw SystemError("events.sqlite was replaced", code: ESTALE) }
        stored = piece.end
        if piece.damaged > 0 { report("\(piece.damaged) damaged lines of the event journal are left out") }
    }

    private static func write(_ offset: Int, _ journal: EventJournal, _ database: Database) throws {
        for (name, value) in zip(cursorNames, [journal.identity, Int64(offset)]) {
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO state (name, value) VALUES (?,?)").execute(
                arguments: [name, value])
        }
    }

    /// All is stored: time for what can wait.
    private func rest(_ journal: EventJournal) throws {
        guard let database else { return }
        if journal.octets > Self.journalRestOctets || Date().timeIntervalSince(journalBegin) > Self.journalTime {
            if journal.octets > 0 {
                guard rename(journalPath, oldJournalPath) == 0 else { throw SystemError("rename \(journalPath)") }
                self.journal = nil
            } else {
                unlink(oldJournalPath)
                journalBegin = Date()
            }
        }
        guard let clocks = options.retention, Date() > nextRetention else { return }
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        let isMore = try database.write { try EventRetention(clocks: clocks).run($0, now: now) }
        writer.forget()
        nextRetention = Date(timeIntervalSinceNow: isMore ? 1 : Self.retentionPause)
    }

    private func fileIdentity() -> [UInt64]? {
        var status = stat()
        guard stat(databasePath, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}
