/// How far the journal is on the disk, in numbers of the notices in it.
struct JournalSync {
    enum Result {
        /// The last notice that is there for good; `nil` where there is no new one.
        case synced(Int64?)
        case failed(any Error)
    }

    private var written: Int64 = 0
    private var acknowledged: Int64 = 0
    /// A journal whose sync failed once: a second sync would not tell the truth. The next journal begins when the database
    /// has all of it.
    private var suspect: EventJournal?

    /// - Parameter number: of the last notice that was written; 0 for none.
    mutating func wrote(_ number: Int64) { written = max(written, number) }

    mutating func run(_ journal: EventJournal?) -> Result {
        guard let journal else { return .synced(nil) }
        do {
            try journal.sync()
        } catch {
            suspect = journal
            return .failed(error)
        }
        guard suspect !== journal, written > acknowledged else { return .synced(nil) }
        suspect = nil
        acknowledged = written
        return .synced(written)
    }
}
