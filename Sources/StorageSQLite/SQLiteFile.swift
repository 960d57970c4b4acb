import Foundation
import GRDB
import Glibc

enum SQLiteFile {
    /// Opens a database in WAL mode.
    /// - Parameters:
    ///   - isDurable: `synchronous=FULL`: a commit is on disk when it returns; else after the next checkpoint.
    ///   - busyTime: seconds to wait for another writer.
    static func open(_ path: String, isDurable: Bool, busyTime: TimeInterval = 10) throws -> DatabaseQueue {
        makePrivate(path)
        return try DatabaseQueue(path: path, configuration: configuration(isDurable: isDurable, busyTime: busyTime))
    }

    /// Opens a database that one may read in several threads while another writes.
    static func openPool(_ path: String) throws -> DatabasePool {
        makePrivate(path)
        return try DatabasePool(path: path, configuration: configuration(isDurable: false, busyTime: 2))
    }

    /// SQLite would make it readable for all; what stands beside a database takes its mode. A file that is there must not
    /// be opened here: closing it would take away the locks that this process has on it (POSIX).
    private static func makePrivate(_ path: String) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    private static func configuration(isDurable: Bool, busyTime: TimeInterval) -> Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(busyTime)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = \(isDurable ? "FULL" : "NORMAL")")
        }
        return configuration
    }
}
