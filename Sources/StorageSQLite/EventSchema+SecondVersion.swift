import Foundation
import GRDB
import Tracking
import TrackingEvents

extension EventSchema {
    /// The second version counted by the clock of whoever wrote, and did not keep what a hit had counted as; an open that
    /// only a click tells of was unique and no open.
    static func moveSecondVersion(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE message ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE copy ADD COLUMN delivered_day INTEGER;
                ALTER TABLE copy ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE event ADD COLUMN day INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE event ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
                DROP INDEX event_message;
                CREATE INDEX event_message ON event (message, recipient, time);
                UPDATE event SET day = \(localDay("time"));
                UPDATE copy SET delivered_day = \(localDay("delivered")) WHERE delivered IS NOT NULL;
                UPDATE minute SET opens = opens + inferred_opens WHERE inferred_opens <> 0;
                UPDATE day SET opens = opens + inferred_opens WHERE inferred_opens <> 0;
                """)
        let store = SQLiteEventTransaction(database)
        var last = (message: Data(), recipient: Int.min)
        while true {
            // NULL, whose hits are nobody's, is smaller than all numbers.
            let next = try Row.fetchOne(
                database.cachedStatement(
                    sql: """
                        SELECT message, recipient FROM event WHERE (message, recipient) > (?, ?) AND recipient IS NOT NULL
                        ORDER BY message, recipient LIMIT 1
                        """), arguments: [last.message, last.recipient])
            guard let next else { break }
            last = (next[0], next[1])
            guard let message = TrackingMessageID(bytes: Array(last.message)) else { continue }
            var ledger = CopyLedger()
            for hit in try store.hits(of: message, last.recipient, since: .min) {
                let count = ledger.take(hit.counted).count
                guard !count.isEmpty else { continue }
                try store.execute(
                    "UPDATE event SET counted = ? WHERE sequence = ?", [count.rawValue, hit.sequence])
            }
        }
        try database.execute(
            sql: """
                UPDATE event SET counted = CASE WHEN link IS NULL THEN \(HitCount.open.rawValue)
                        ELSE \(HitCount.click.rawValue) END
                    WHERE recipient IS NULL AND kind <> 'delivery' AND class IN ('human', 'proxy');
                CREATE INDEX event_page ON event (message, recipient) WHERE counted & 32;
                """)
    }

    private static func localDay(_ column: String) -> String {
        "CAST(strftime('%Y%m%d', \(column) / 1000, 'unixepoch', 'localtime') AS INTEGER)"
    }
}
