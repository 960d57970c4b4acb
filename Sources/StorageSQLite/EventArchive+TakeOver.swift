import GRDB
import Glibc
import TrackingEvents

extension EventArchive {
    /// Whose word a journal is.
    public enum Trust: Sendable {
        /// A tracker's, which may be broken into: hits on mails that are known here, and nothing else.
        case hits
        /// This relay's own, which tells of mails and deliveries, too.
        case everything
    }

    /// What became of a journal's lines.
    public struct TakeOver: Sendable, Equatable {
        /// Events that were new.
        public var new = 0
        /// Events in all.
        public var events = 0
        /// Lines that cannot be read and were left out.
        public var damaged = 0
        /// Events that were left out, by why.
        public var refused: [String: Int] = [:]
    }

    /// Takes over a journal that another node has written; what is there already is not stored twice.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - progress: called with the octets that are done and those in all.
    /// - Throws: where the file or the database cannot be used; what was stored before stays.
    public func takeOver(
        _ path: String, trust: Trust, now: Int64, progress: (Int, Int) -> Void = { _, _ in }
    ) throws -> TakeOver {
        let journal = try EventJournal(reading: path)
        let accounts = HitAccounts(rules: rules)
        let screen = HitScreen(now: now)
        var result = TakeOver()
        var offset = 0
        while offset < journal.octets {
            let piece = try journal.events(from: offset)
            var refused: [String: Int] = [:]
            result.new += try database.write { database in
                let store = SQLiteEventTransaction(database)
                try accounts.begin(store)
                let events = try piece.events.filter { entry in
                    guard trust == .hits, let reason = try screen.objection(to: entry.event, store) else { return true }
                    refused[reason, default: 0] += 1
                    return false
                }
                return try accounts.store(events, in: store)
            }
            result.refused.merge(refused, uniquingKeysWith: +)
            result.events += piece.events.count
            result.damaged += piece.damaged
            offset = piece.end
            progress(offset, journal.octets)
        }
        return result
    }
}
