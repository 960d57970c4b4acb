import GRDB
import TrackingEvents

/// The tables of `events.sqlite`: what is known of each mail and copy, what happened in the order it was stored, and
/// the running totals the console shows.
///
/// A copy's `recipient` is the recipient's number, or -1 minus the number in its tokens where several share it; `event.day`
/// is the day an event counts in, `event.counted` what it counts as (``HitCount``), `event.basis` what its class rests on
/// (``HitBasis``).
enum EventSchema {
    private static let version = 4

    static func prepare(_ database: Database) throws {
        let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found < version else {
            if found > version { throw DatabaseError(message: "it was made by a newer tracerelay (schema \(found))") }
            return
        }
        switch found {
        case 2:
            try moveThirdVersion(database)
            try moveSecondVersion(database)
        case 3: try moveThirdVersion(database)
        default: try make(database)
        }
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    private static func make(_ database: Database) throws {
        let isFirst = try database.tableExists("event")
        if isFirst { try database.execute(sql: moveFirstVersion) }
        try database.execute(sql: tables)
        for table in ["minute", "day"] {
            let columns = Figure.allCases.map { "\($0.rawValue) INTEGER NOT NULL DEFAULT 0" }.joined(separator: ", ")
            try database.execute(
                sql: "CREATE TABLE \(table) (bucket INTEGER NOT NULL, tag TEXT NOT NULL, \(columns), "
                    + "PRIMARY KEY (bucket, tag)) WITHOUT ROWID")
        }
        guard isFirst else {
            // Nothing was ever deleted here without being overwritten.
            return try database.execute(sql: "INSERT INTO state (name, value) VALUES ('\(isClean)', 1)")
        }
        try database.execute(sql: copyFirstVersion)
        try settleBases(database)
    }

    /// Name of the state that says that no free page holds what was deleted.
    static let isClean = "clean"

    private static let tables = """
        CREATE TABLE message (
            id BLOB PRIMARY KEY, time INTEGER NOT NULL, queue_id TEXT NOT NULL, tag TEXT NOT NULL,
            from_domain TEXT NOT NULL, subject TEXT NOT NULL, untracked TEXT NOT NULL, privacy TEXT NOT NULL,
            erased INTEGER NOT NULL DEFAULT 0, shared INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID;
        CREATE INDEX message_time ON message (time);
        CREATE INDEX message_tag ON message (tag, time);
        CREATE INDEX message_queue ON message (queue_id);
        CREATE INDEX message_personal ON message (tag, time) WHERE erased = 0;
        CREATE TABLE copy (
            message BLOB NOT NULL, recipient INTEGER NOT NULL, address TEXT NOT NULL DEFAULT '' COLLATE NOCASE,
            status TEXT NOT NULL DEFAULT '', sent INTEGER, delivered INTEGER, opened INTEGER, inferred INTEGER NOT NULL DEFAULT 0,
            clicked INTEGER, last INTEGER, erased INTEGER NOT NULL DEFAULT 0,
            delivered_day INTEGER, shared INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (message, recipient)
        ) WITHOUT ROWID;
        CREATE INDEX copy_address ON copy (address) WHERE address <> '';
        CREATE TABLE event (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, number INTEGER NOT NULL UNIQUE, time INTEGER NOT NULL,
            kind TEXT NOT NULL, message BLOB NOT NULL, recipient INTEGER, link INTEGER, url TEXT NOT NULL,
            class TEXT NOT NULL, evidence TEXT NOT NULL, client TEXT NOT NULL, agent TEXT NOT NULL,
            purpose TEXT NOT NULL, head INTEGER NOT NULL, said TEXT NOT NULL, upstream TEXT NOT NULL,
            reply TEXT NOT NULL, note TEXT NOT NULL, links TEXT NOT NULL, day INTEGER NOT NULL DEFAULT 0,
            counted INTEGER NOT NULL DEFAULT 0, basis INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX event_message ON event (message, recipient, time);
        CREATE INDEX event_page ON event (message, recipient) WHERE counted & 32;
        CREATE TABLE link (
            tag TEXT NOT NULL, day INTEGER NOT NULL, page TEXT NOT NULL, clicks INTEGER NOT NULL,
            unique_clicks INTEGER NOT NULL, PRIMARY KEY (tag, day, page)
        ) WITHOUT ROWID;
        CREATE TABLE reason (
            tag TEXT NOT NULL, day INTEGER NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
            PRIMARY KEY (tag, day, kind, reason)
        ) WITHOUT ROWID;
        CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        """

    // The first version had the recipients in one column and no totals.
    private static let moveFirstVersion = """
        DROP INDEX IF EXISTS event_message;
        ALTER TABLE event RENAME TO event_1;
        ALTER TABLE message RENAME TO message_1;
        """

    // Its mails and events are shown; the figures begin with the second.
    private static let copyFirstVersion = """
        INSERT INTO message (id, time, queue_id, tag, from_domain, subject, untracked, privacy)
            SELECT id, time, queue_id, tag, from_domain, '', untracked, privacy FROM message_1;
        INSERT INTO event (number, time, kind, message, recipient, link, url, class, evidence, client, agent, purpose,
                head, said, upstream, reply, note, links, day)
            SELECT number, time, kind, message, recipient, link, url, class, evidence, client, agent, '',
                class = 'head', class || ' ' || evidence, upstream, reply, note, '',
                CAST(strftime('%Y%m%d', time / 1000, 'unixepoch', 'localtime') AS INTEGER) FROM event_1
            ORDER BY sequence;
        INSERT INTO copy (message, recipient, address)
            WITH RECURSIVE piece (message, number, address, rest) AS (
                SELECT id, -1, '', recipients || char(10) FROM message_1 WHERE recipients <> ''
                UNION ALL
                SELECT message, number + 1, substr(rest, 1, instr(rest, char(10)) - 1),
                    substr(rest, instr(rest, char(10)) + 1) FROM piece WHERE rest <> '')
            SELECT message, number, address FROM piece WHERE number >= 0;
        DROP TABLE event_1;
        DROP TABLE message_1;
        """
}
