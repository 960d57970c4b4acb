import MessageQueue
import Synchronization

/// What is told of mail, in memory.
final class MemoryOutbox: Sendable {
    private struct State {
        var kept: [QueueNotice] = []
        var last: Int64 = 0
        var taken: Int64 = 0
        var listener: QueueListener?

        mutating func hand() {
            let rest = kept.filter { $0.number > taken }
            guard let listener, !rest.isEmpty else { return }
            let count = listener(rest)
            if count > 0 { taken = rest[count - 1].number }
        }
    }

    private let state = Mutex(State())

    func restart() {
        state.withLock { state in
            state.listener = nil
            state.taken = 0
        }
    }

    func begin(_ listener: @escaping QueueListener) {
        state.withLock { state in
            state.listener = listener
            state.hand()
        }
    }

    func enter(_ records: [[UInt8]]) {
        state.withLock { state in
            for record in records {
                state.last += 1
                state.kept.append(QueueNotice(number: state.last, record: record))
            }
            state.hand()
        }
    }

    func forget(upTo number: Int64) {
        state.withLock { state in
            let end = min(number, state.taken)
            state.kept.removeAll { $0.number <= end }
        }
    }

    /// A round in which what was refused is told.
    func round() { state.withLock { $0.hand() } }
}
