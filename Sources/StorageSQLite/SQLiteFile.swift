import Foundation
import GRDB

enum SQLiteFile {
    /// Opens a database in WAL mode.
    /// - Parameter isDurable: `synchronous=FULL`: a commit is on disk when it returns; else after the next checkpoint.
    static func open(_ path: String, isDurable: Bool) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = \(isDurable ? "FULL" : "NORMAL")")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}
