import GRDB
import MessageQueue

extension QueueWriter {
    /// Tells from now on; first what an earlier run told and nobody acknowledged.
    func begin(_ listener: @escaping QueueListener) throws {
        outbox.begin(listener)
        try catchUp()
    }

    /// What goes on between commits: whoever was told too much is told the rest, and what was told for good is forgotten.
    /// - Parameter isLast: the queue closes.
    func tell(isLast: Bool) {
        do {
            try catchUp()
            guard isLast ? outbox.hasToForget : outbox.isFull else { return }
            let none = try database.write { try outbox.write([], in: $0) }
            if outbox.committed(none) { erasure.isLogSoiled = true }
        } catch {
            // It is durable, and the next round tries again.
            return
        }
    }

    private func catchUp() throws {
        for number in try outbox.catchUp(database) {
            report("what was to be told of some mail cannot be read back (row \(number) of `telling`); it is left out")
        }
    }
}
