import Foundation
import GRDB
import Glibc

enum SQLiteFile {
    /// Opens a database in WAL mode.
    /// - Parameters:
    ///   - isDurable: `synchronous=FULL`: a commit is on disk when it returns; else after the next checkpoint.
    ///   - busyTime: seconds to wait for another writer.
    ///   - overwrites: whether what is deleted is overwritten in the file.
    static func open(
        _ path: String, isDurable: Bool, busyTime: TimeInterval = 10, overwrites: Bool = false
    ) throws -> DatabaseQueue {
        try makePrivate(path)
        return try DatabaseQueue(
            path: path,
            configuration: configuration(isDurable: isDurable, busyTime: busyTime, overwrites: overwrites))
    }

    /// Opens a database that one may read in several threads while another writes.
    static func openPool(_ path: String) throws -> DatabasePool {
        try makePrivate(path)
        return try DatabasePool(
            path: path, configuration: configuration(isDurable: false, busyTime: 2, overwrites: true))
    }

    /// SQLite would make it readable for all; what stands beside a database takes its mode. A file that is there must not
    /// be opened here: closing it would take away the locks that this process has on it (POSIX).
    private static func makePrivate(_ path: String) throws {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        // What cannot be made SQLite says, better than this could.
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        // SQLite gives what stands beside a database to the database's owner.
        try Files.giveToOwner(descriptor, path)
    }

    /// Brings what the write-ahead log holds into the database, and empties the log.
    /// - Throws: where somebody reads or writes all the while.
    static func emptyLog(_ database: DatabaseQueue) throws {
        let isBusy = try database.writeWithoutTransaction {
            try Bool.fetchOne($0, sql: "PRAGMA wal_checkpoint(TRUNCATE)") ?? true
        }
        guard !isBusy else {
            throw SystemError("emptying \(database.path)-wal, which somebody reads or writes", code: EBUSY)
        }
    }

    /// The same where nobody is in the way, without waiting for anybody.
    /// - Returns: whether the log is empty.
    static func emptyLogIfIdle(_ database: DatabaseQueue, busyTime: TimeInterval = 10) throws -> Bool {
        try database.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA busy_timeout = 0")
            let isBusy = Result { try Bool.fetchOne(database, sql: "PRAGMA wal_checkpoint(TRUNCATE)") ?? true }
            try database.execute(sql: "PRAGMA busy_timeout = \(Int(busyTime * 1_000))")
            return try !isBusy.get()
        }
    }

    private static func configuration(
        isDurable: Bool, busyTime: TimeInterval, overwrites: Bool
    ) -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTime)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = \(isDurable ? "FULL" : "NORMAL")")
            if overwrites { try database.execute(sql: "PRAGMA secure_delete = ON") }
        }
        return configuration
    }
}
