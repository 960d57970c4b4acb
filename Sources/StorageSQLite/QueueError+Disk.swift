import MessageQueue

/// What can be wrong with a queue on disk, in words.
extension QueueError {
    /// Less free than is needed.
    static func diskFull(path: String, free: Int, needed: Int) -> QueueError {
        .full("Insufficient system storage: \(path) has \(free >> 20) MiB free, \(needed >> 20) MiB needed")
    }

    /// The system took no more, for want of space, inodes or quota: which of them, and how much, it does not say.
    static func noSpace(path: String) -> QueueError {
        .full("Insufficient system storage: disk or quota of \(path) is full")
    }

    /// There are contents in a directory and no rows that know them.
    static func rowsMissing(database: String, segments: String, count: Int) -> QueueError {
        .refused(
            "\(database) is missing or empty, but \(segments) holds \(count) \(count == 1 ? "file" : "files") of mail; "
                + "nothing was touched. Put the database back (with its -wal file, if there is one), or move the files "
                + "away to begin with an empty queue")
    }

    /// SQLite cannot read it whole.
    static func damagedRows(_ database: String, _ defect: String) -> QueueError {
        .refused(
            "\(database) is damaged (\(defect)); nothing was touched and nothing is sent. Copy the directory, then read out "
                + "what can be read with `sqlite3 \(database) .recover | sqlite3 mended.sqlite`, put that in its place without "
                + "its -wal and -shm files, and start again: mail whose row is lost is set aside")
    }

    /// Another process serves this directory.
    static func locked(path: String) -> QueueError { .inUse("\(path) is in use by another tracerelay") }
}
