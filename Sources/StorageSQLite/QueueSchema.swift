import GRDB
import MessageQueue

/// The form of `queue.sqlite`, told by its `user_version`.
enum QueueSchema {
    /// 1 (written as 0): no seals, failed mail was deleted. 2: `failed`, `seal`, `segment`, `gone`. 3: `telling`.
    static let version = 3

    /// Whether there is a queue in it at all.
    static func exists(_ database: Database) throws -> Bool { try database.tableExists("message") }

    /// Makes the tables, or brings those of an older form up to this one; rows stay as they are.
    /// - Throws: ``QueueError/storageFailed(_:)`` where a newer program has written it.
    static func prepare(_ database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found <= version else {
            throw QueueError.storageFailed(
                "queue.sqlite was written by a newer tracerelay (form \(found), this one knows \(version)); install that "
                    + "one again, or let it empty its queue first")
        }
        guard found < version else { return }
        if found < 2 { try makeSecond(database) }
        // A row for each transaction that has something to tell of mail (``QueueOutbox``).
        try database.execute(
            sql: """
                CREATE TABLE telling (number INTEGER PRIMARY KEY, records BLOB NOT NULL);
                PRAGMA user_version = \(version);
                """)
    }

    private static func makeSecond(_ database: Database) throws {
        if try exists(database) {
            try database.execute(
                sql: """
                    ALTER TABLE message ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE message ADD COLUMN seal INTEGER;
                    DROP INDEX IF EXISTS due;
                    """)
        } else {
            try database.execute(
                sql: """
                    CREATE TABLE message (
                        id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL, upstream TEXT NOT NULL, next INTEGER NOT NULL,
                        expires INTEGER NOT NULL, attempts INTEGER NOT NULL, held INTEGER NOT NULL,
                        damaged INTEGER NOT NULL, sender TEXT NOT NULL, flags INTEGER NOT NULL,
                        segment INTEGER NOT NULL, start INTEGER NOT NULL, octets INTEGER NOT NULL,
                        checksum INTEGER NOT NULL, recipients BLOB NOT NULL, decision BLOB NOT NULL,
                        note BLOB NOT NULL, failed INTEGER NOT NULL DEFAULT 0, seal INTEGER);
                    """)
        }
        // `segment`: how far each segment was accounted for. `gone`: what another process deleted, for the accounts.
        try database.execute(
            sql: """
                CREATE INDEX due ON message (upstream, next) WHERE held = 0 AND damaged = 0 AND failed = 0;
                CREATE INDEX IF NOT EXISTS place ON message (segment);
                CREATE INDEX failed ON message (id) WHERE failed <> 0;
                CREATE INDEX damaged ON message (id) WHERE damaged <> 0;
                CREATE TABLE segment (number INTEGER PRIMARY KEY, octets INTEGER NOT NULL);
                CREATE TABLE gone (segment INTEGER NOT NULL, count INTEGER NOT NULL, octets INTEGER NOT NULL);
                """)
    }

    /// The octets of a row, where they are a number that can be added.
    static let soundOctets =
        "CASE WHEN typeof(octets) = 'integer' AND octets BETWEEN 0 AND 1099511627776 THEN octets ELSE 0 END"
}
