import GRDB
import MessageQueue

extension QueueWriter {
    /// Rows moved at once.
    private static let movedAtOnce = 64

    /// Moves what is alive out of a segment that is mostly dead. The law is that of every write: the new copies are synced,
    /// then the rows point at them, and only then the old ones go.
    func compact() {
        guard unwritten.isEmpty, ContinuousClock.now >= compactionRests, let sparse = segments.sparse() else { return }
        var moved: [(id: Int64, old: ContentPlace, new: ContentPlace)] = []
        do {
            try checkDisk()
            let rows = try database.read { database in
                try Row.fetchAll(
                    database, sql: "SELECT \(QueueRows.columns) FROM message WHERE segment = ? LIMIT ?",
                    arguments: [sparse, Self.movedAtOnce])
            }
            for row in rows {
                let stored = StoredMessage(row)
                guard stored.complaint == nil else {
                    segments.leave(sparse)
                    continue
                }
                let old = stored.place
                switch reader.read(old) {
                case .whole(let bytes):
                    let new = try segments.append(bytes, checksum: old.checksum)
                    moved.append((stored.message.id.rawValue, old, new))
                case .damaged:
                    // Its delivery will find it; until somebody has looked at it, nothing here is given up.
                    segments.leave(sparse)
                case .trouble(let error): throw error
                }
            }
            try relocate(moved)
        } catch {
            for (_, _, new) in moved { segments.release(new.segment, count: 1, octets: Int64(new.count)) }
            compactionRests = .now + .seconds(10)
        }
        sweep()
    }

    private func relocate(_ moved: [(id: Int64, old: ContentPlace, new: ContentPlace)]) throws {
        if let failure = segments.sync().values.first { throw failure }
        let touched = segments.octets(of: Set(moved.map(\.new.segment)))
        let stale = try database.write { database in
            for (number, octets) in touched {
                try database.execute(
                    sql: "INSERT INTO segment (number, octets) VALUES (?, ?) "
                        + "ON CONFLICT (number) DO UPDATE SET octets = excluded.octets", arguments: [number, octets])
            }
            return try moved.filter { id, old, new in
                try database.execute(
                    sql: "UPDATE message SET segment = ?, start = ? WHERE id = ? AND segment = ?",
                    arguments: [new.segment, new.offset, id, old.segment])
                return database.changesCount == 0
            }
        }
        segments.mark(touched)
        // Somebody deleted it meanwhile, and has told so of its old place.
        for (_, _, new) in stale { segments.release(new.segment, count: 1, octets: Int64(new.count)) }
        let gone = Set(stale.map(\.id))
        for (id, old, _) in moved where !gone.contains(id) {
            segments.release(old.segment, count: 1, octets: Int64(old.count))
        }
    }
}
