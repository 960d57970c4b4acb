import Synchronization

/// Whether something runs, for those who wait for its end.
final class RunState: Sendable {
    private enum State {
        case idle
        case running([CheckedContinuation<Void, Never>])
    }

    private let state = Mutex(State.idle)

    /// It begins.
    func begin() { state.withLock { $0 = .running([]) } }

    /// It has ended.
    func end() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .running(let waiting) = state else { return [] }
            state = .idle
            return waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits for the end; not at all where nothing runs.
    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let mayGo = state.withLock { state in
                guard case .running(let waiting) = state else { return true }
                state = .running(waiting + [continuation])
                return false
            }
            if mayGo { continuation.resume() }
        }
    }
}
