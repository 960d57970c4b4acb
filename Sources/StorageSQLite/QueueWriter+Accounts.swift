import GRDB
import MessageQueue

/// What is alive in which segment.
extension QueueWriter {
    /// Removes empty segments. What cannot be made sure of stays.
    func sweep() {
        do {
            let gone = try segments.sweep { number in
                try database.read { database in
                    try Row.fetchOne(database, sql: "SELECT 1 FROM message WHERE segment = ?", arguments: [number])
                        != nil
                }
            }
            guard !gone.isEmpty else { return }
            reader.forget(gone)
            try database.write { database in
                for number in gone {
                    try database.cachedStatement(sql: "DELETE FROM segment WHERE number = ?").execute(arguments: [
                        number
                    ])
                }
            }
        } catch {
            // The start sweeps again.
            return
        }
    }

    /// Takes note of what other processes have deleted.
    func settleAccounts() throws {
        let gone = try database.write { database in
            let rows = try Row.fetchAll(database, sql: "SELECT segment, count, octets FROM gone")
            if !rows.isEmpty { try database.execute(sql: "DELETE FROM gone") }
            return rows.map { row in
                ["segment", "count", "octets"].map { Int64.fromDatabaseValue(row[$0]) ?? 0 }
            }
        }
        for numbers in gone {
            segments.release(numbers[0], count: Int(clamping: max(0, numbers[1])), octets: max(0, numbers[2]))
        }
        if !gone.isEmpty {
            erasure.isLogSoiled = true
            sweep()
        }
    }
}
