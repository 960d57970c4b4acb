import Foundation
import GRDB
import Tracking
import TrackingEvents

@testable import StorageSQLite

/// The stores that the law of the figures is held over; a third one is a line here and in `make`.
enum EventStoreKind: CaseIterable {
    case memory, sqlite

    func make(in folder: Folder, _ name: String = "events") throws -> any EventStore {
        switch self {
        case .memory: MemoryEventStore()
        case .sqlite: try SQLiteEventStore(try SQLiteFile.open("\(folder.path)/\(name).sqlite", isDurable: false))
        }
    }
}

/// A store of events as the law's tests see it.
protocol EventStore: AnyObject {
    /// A transaction: all of it or, where it throws, nothing.
    func write<Result>(_ body: (any EventTransaction) throws -> Result) throws -> Result
    /// Takes out what tells of a mail's recipients.
    func erase(_ message: TrackingMessageID) throws
    func totals() throws -> Totals
}

extension EventStore {
    /// Stores groups, each in a transaction of its own.
    @discardableResult
    func store(_ groups: [[(number: Int64, event: Event)]], with accounts: HitAccounts) throws -> Int {
        var count = 0
        for group in groups {
            count += try write { store in
                try accounts.begin(store)
                return try accounts.store(group, in: store)
            }
            accounts.committed()
        }
        return count
    }

    /// Judges all mails that have hits anew.
    func reclassify(by rules: HitRules, calendar: LocalTime = LocalTime()) throws -> Int {
        let accounts = HitAccounts(rules: rules, calendar: calendar)
        let messages = Set(try totals().hits.values.map(\.message))
        return try write { store in
            let changed = try messages.reduce(0) { try $0 + accounts.reclassify($1, in: store) }
            try accounts.finish(store)
            return changed
        }
    }
}

final class SQLiteEventStore: EventStore {
    let database: DatabaseQueue

    init(_ database: DatabaseQueue) throws {
        self.database = database
        try database.write { try EventSchema.prepare($0) }
    }

    func write<Result>(_ body: (any EventTransaction) throws -> Result) throws -> Result {
        try database.write { try body(SQLiteEventTransaction($0)) }
    }

    func erase(_ message: TrackingMessageID) throws {
        try database.write { try PersonalFields.erase(Data(message.bytes), recipient: nil, $0) }
    }

    func totals() throws -> Totals { try Totals(database) }
}
