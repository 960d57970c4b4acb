public import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Writes lines from a thread of its own: a log that nobody reads holds up neither mail nor links.
///
/// Lines wait in a bounded buffer and keep their order; what finds it full is dropped, counted, and told in the log as
/// soon as somebody reads it again.
public final class LogSink: Sendable {
    /// Where services log to.
    public static let standardError = LogSink(descriptor: 2)

    private struct State {
        var waiting: [UInt8] = []
        var isWriting = false
        /// Lines of ``dropped`` that the log does not tell of yet.
        var untold = 0
        var dropped = 0
        var notice: @Sendable (Int) -> [UInt8] = { Array("\($0) log lines dropped\n".utf8) }
        var flushes: [DispatchSemaphore] = []
    }

    private let descriptor: Int32
    private let limit: Int
    private let state = Mutex(State())
    private let wakeup = DispatchSemaphore(value: 0)

    /// A sink with its thread.
    /// - Parameter limit: octets that wait at most.
    init(descriptor: Int32, limit: Int = 4 << 20) {
        self.descriptor = descriptor
        self.limit = limit
        // Whoever reads the pipe may go away; the write says so then.
        signal(SIGPIPE, SIG_IGN)
        let thread = Thread { [weak self, wakeup] in
            while true {
                wakeup.wait()
                guard let self else { return }
                self.writeWaiting()
            }
        }
        thread.name = "log"
        thread.start()
    }

    deinit { wakeup.signal() }

    /// Lines that were dropped since the start.
    public var dropped: Int { state.withLock { $0.dropped } }

    /// What is written where lines were dropped.
    func setNotice(_ notice: @escaping @Sendable (Int) -> [UInt8]) { state.withLock { $0.notice = notice } }

    /// Takes a line, with its end; never waits for the reader.
    func append(_ line: [UInt8]) {
        let wakes = state.withLock { state in
            guard state.waiting.count + line.count <= limit else {
                state.dropped += 1
                state.untold += 1
                return false
            }
            let isFirst = state.waiting.isEmpty
            state.waiting += line
            return isFirst && !state.isWriting
        }
        if wakes { wakeup.signal() }
    }

    /// Waits until everything is written, but no longer than that: for the end of a process.
    /// - Returns: whether it is.
    @discardableResult
    public func flush(within time: DispatchTimeInterval = .seconds(2)) -> Bool {
        let done = DispatchSemaphore(value: 0)
        let waits = state.withLock { state in
            guard state.isWriting || !state.waiting.isEmpty else { return false }
            state.flushes.append(done)
            return true
        }
        return !waits || done.wait(timeout: .now() + time) == .success
    }

    private func writeWaiting() {
        while let batch = take() {
            let lost = write(batch)
            if lost > 0 {
                state.withLock { state in
                    state.dropped += lost
                    state.untold += lost
                }
            }
        }
    }

    /// What waits, and what is to be told of lines that were dropped behind it.
    private func take() -> [UInt8]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isWriting = false
                for flush in state.flushes { flush.signal() }
                state.flushes = []
                return nil
            }
            state.isWriting = true
            var batch = state.waiting
            state.waiting = []
            if state.untold > 0 {
                batch += state.notice(state.untold)
                state.untold = 0
            }
            return batch
        }
    }

    /// - Returns: lines that could not be written.
    private func write(_ bytes: [UInt8]) -> Int {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count < 0, errno == EAGAIN {
                // Somebody else has made the pipe non-blocking.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&wanted, 1, -1)
            } else if count == 0 || errno != EINTR {
                return rest.count { $0 == 0x0A }
            }
        }
        return 0
    }
}
