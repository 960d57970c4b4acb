import Foundation
import GRDB
import Glibc
public import Tracking
import TrackingEvents

extension EventArchive {
    /// How long a service may take to store what waits in its journal.
    private static let patience: TimeInterval = 10

    /// Empties every field that tells of a recipient, in the database, its log, the journals and the kept texts; classes
    /// and figures stay. Mail in the queue is not touched.
    /// - Returns: messages it was in.
    /// - Throws: where a part cannot be reached; what is left is done by another call.
    public func erase(recipient address: String) throws -> [TrackingMessageID] {
        try awaitJournal()
        let found = try database.read { try Self.copies(address, $0) }.map(\.message)
        // The texts first: by the address they are found as long as it stands with its mails.
        try SourceArchive(directory: directory) { _ in }.forget(found)
        let erased = try database.write { database in
            try Self.copies(address, database).map { copy in
                try PersonalFields.erase(Data(copy.message.bytes), recipient: copy.recipient, database)
                return copy.message
            }
        }
        try blankJournals()
        if try database.read({ try Self.state(EventSchema.isClean, $0) }) == nil {
            try database.vacuum()
            try database.write {
                try $0.execute(sql: "INSERT INTO state (name, value) VALUES ('\(EventSchema.isClean)', 1)")
            }
        }
        try SQLiteFile.emptyLog(database)
        return erased
    }

    private static func state(_ name: String, _ database: Database) throws -> Int64? {
        try Int64.fetchOne(database, sql: "SELECT value FROM state WHERE name = ?", arguments: [name])
    }

    private var journalPath: String { directory + "/events.journal" }

    /// How much of the journal is stored; `nil` where there is none.
    private func storedJournal() throws -> (journal: EventJournal, stored: Int)? {
        guard Files.exists(journalPath) else { return nil }
        let journal = try EventJournal(reading: journalPath)
        let cursor = try database.read { database in
            try EventKeeper.cursorNames.map { try Self.state($0, database) ?? 0 }
        }
        return (journal, cursor[0] == journal.identity ? min(Int(clamping: cursor[1]), journal.octets) : 0)
    }

    /// What waits to be stored must be stored before it can be found.
    private func awaitJournal() throws {
        let end = Date().addingTimeInterval(Self.patience)
        while let (journal, stored) = try storedJournal(), stored < journal.octets {
            guard Date() < end else {
                throw EventStoreError(
                    "\(journal.octets - stored) octets of events wait in \(journalPath) and cannot be searched; start "
                        + "tracerelay serve, which stores them, and erase again")
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    /// The journals' past stands there for the case that somebody deletes the database.
    private func blankJournals() throws {
        if let (journal, stored) = try storedJournal(), stored > 0 { try journal.blank([0..<stored]) }
        let old = journalPath + ".old"
        guard Files.exists(old) else { return }
        let journal = try EventJournal(reading: old)
        try journal.blank([0..<journal.octets])
    }
}
