import Foundation
import GRDB
import TrackingEvents

/// What the storing thread has open: how far the database has the journal, and the database.
final class EventKeeper {
    /// Stored lines stay for this long, in the journal or the one before it, so that a database that somebody deletes can
    /// have them again.
    private static let journalTime: TimeInterval = 60
    private static let journalRestOctets = 64 << 20
    /// How long another writer may hold the database before it is tried again.
    private static let busyTime = 0.1
    private static let retentionPause: TimeInterval = 600
    static let cursorNames = ["journal", "offset"]

    private let directory: String
    private let options: SQLiteEventLog.Options
    private let report: @Sendable (String) -> Void
    private let file: EventJournalFile
    private let accounts: HitAccounts
    private let sources: SourceArchive
    private var database: DatabaseQueue?
    /// Device and inode of the file that `database` has open.
    private var identity: [UInt64]?
    /// The journal of which ``stored`` speaks.
    private var journal: EventJournal?
    private var stored = 0
    /// Octets of it that the database may say it has: a power cut can take the end of the journal and leave the database
    /// ahead, whose place would then be in the middle of what is written since.
    private var reach = 0
    private(set) var complaint: String?
    private var lastTry = Date.distantPast
    private var nextRetention = Date()

    init(
        directory: String, options: SQLiteEventLog.Options, file: EventJournalFile,
        report: @escaping @Sendable (String) -> Void
    ) {
        self.directory = directory
        self.options = options
        self.file = file
        self.report = report
        sources = SourceArchive(directory: directory, report: report)
        accounts = HitAccounts(rules: options.rules, observe: options.observe)
    }

    var waitingOctets: Int { (journal?.octets ?? 0) - stored }
    private var databasePath: String { directory + "/events.sqlite" }

    /// Lowers the priority of the calling thread, which is what 0 stands for on Linux.
    func yieldToOthers() { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }

    private func complain(_ text: String) {
        if complaint != text { report(text) }
        complaint = text
    }

    // MARK: Database

    /// Moves a piece of the journal into the database; after a failure once a second.
    /// - Returns: whether there is more to do at once.
    func store(isLast: Bool) -> Bool {
        guard let journal = file.current else { return false }
        guard complaint == nil || isLast || Date().timeIntervalSince(lastTry) > 1 else { return false }
        do {
            if self.journal !== journal {
                self.journal = journal
                stored = 0
                reach = journal.octetsFound
                // The database says how far it has this one.
                database = nil
            }
            try openDatabase(journal)
            repeat { try storePiece(journal) } while isLast && stored < journal.octets
            if stored == journal.octets { try rest(journal) }
            if complaint != nil { report("events are stored again") }
            complaint = nil
            return stored < journal.octets
        } catch {
            lastTry = Date()
            accounts.forget()
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
        accounts.forget()
        let opened = try SQLiteFile.open(databasePath, isDurable: true, busyTime: Self.busyTime, overwrites: true)
        var isNew = false
        stored = try opened.write { database in
            try EventSchema.prepare(database)
            isNew = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM state") == 0
            let cursor = try Self.cursorNames.map { name in
                try Int64.fetchOne(database, sql: "SELECT value FROM state WHERE name = ?", arguments: [name]) ?? 0
            }
            guard cursor[0] == journal.identity, cursor[1] <= reach else {
                // At once: the next start must not find the journal grown up to that place.
                if !isNew { try Self.write(0, journal, database) }
                return 0
            }
            return Int(cursor[1])
        }
        database = opened
        identity = fileIdentity()
        if isNew, Files.exists(file.oldPath) {
            let old = try EventJournal(reading: file.oldPath)
            var offset = 0
            while offset < old.octets {
                let piece = try old.events(from: offset)
                _ = try opened.write { try accounts.store(piece.events, in: SQLiteEventTransaction($0)) }
                accounts.committed()
                offset = piece.end
            }
        }
    }

    private func storePiece(_ journal: EventJournal) throws {
        guard let database, stored < journal.octets else { return }
        let piece = try journal.events(from: stored)
        try database.write { database in
            let store = SQLiteEventTransaction(database)
            try accounts.begin(store)
            _ = try accounts.store(piece.events, in: store)
            try Self.write(piece.end, journal, database)
        }
        guard fileIdentity() == identity else { throw SystemError("events.sqlite was replaced", code: ESTALE) }
        accounts.committed()
        stored = piece.end
        reach = max(reach, stored)
        // Of these nothing is kept that tells who made them: nor here.
        let places = zip(piece.events, piece.places).filter { accounts.nobodys.contains($0.0.number) }.map(\.1)
        if journal.isInPlace { try journal.blank(places) }
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
        try file.rest(stored: stored, of: journal, after: Self.journalTime, octets: Self.journalRestOctets)
        guard Date() > nextRetention else { return }
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        nextRetention = Date(timeIntervalSinceNow: Self.retentionPause)
        try sources.forgetExpired(now: now)
        guard let clocks = options.retention?() else { return }
        let isMore = try database.write { try EventRetention(clocks: clocks).run($0, now: now) }
        accounts.forget()
        if isMore { nextRetention = Date(timeIntervalSinceNow: 1) }
    }

    private func fileIdentity() -> [UInt64]? {
        var status = stat()
        guard stat(databasePath, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}
