import Synchronization

/// Work that is not waited for beyond a time.
enum Deadline {
    /// Runs `body`, which goes on by itself where the time is over first.
    /// - Returns: whether it ended in time.
    static func run(within time: Duration, _ body: @escaping @Sendable () async -> Void) async -> Bool {
        let waiter = Waiter()
        let work = Task {
            await body()
            waiter.resume(true)
        }
        let clock = Task {
            try? await Task.sleep(for: time)
            waiter.resume(false)
        }
        defer { clock.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiter.wait($0) }
        } onCancel: {
            work.cancel()
        }
    }

    /// Resumes once, by whoever comes first.
    private final class Waiter: Sendable {
        private enum State {
            case open
            case waiting(CheckedContinuation<Bool, Never>)
            case over(Bool)
        }
        private let state = Mutex(State.open)

        func wait(_ continuation: CheckedContinuation<Bool, Never>) {
            let result: Bool? = state.withLock { state in
                if case .over(let result) = state { return result }
                state = .waiting(continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }

        func resume(_ result: Bool) {
            let waiting: CheckedContinuation<Bool, Never>? = state.withLock { state in
                guard case .over = state else {
                    defer { state = .over(result) }
                    if case .waiting(let continuation) = state { return continuation }
                    return nil
                }
                return nil
            }
            waiting?.resume(returning: result)
        }
    }
}
