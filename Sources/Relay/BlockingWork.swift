import Dispatch
import Synchronization

/// Work that would hold up an event loop or the cooperative pool.
enum BlockingWork {
    private static let queue = DispatchQueue(label: "tracerelay.blocking", attributes: .concurrent)

    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
    }
}

/// Slow comparisons of passwords, one at a time and few in line: whoever guesses costs nobody else's time.
final class PasswordChecks: Sendable {
    private static let maximumWaiting = 8
    private let queue = DispatchQueue(label: "tracerelay.passwords")
    private let waiting = Atomic<Int>(0)

    /// - Returns: `false` also where too many wait.
    func run(_ body: @escaping @Sendable () -> Bool) async -> Bool {
        defer { waiting.subtract(1, ordering: .relaxed) }
        guard waiting.add(1, ordering: .relaxed).newValue <= Self.maximumWaiting else { return false }
        return await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
    }
}

/// Octets of messages that may be in memory on their way upstream; whoever wants more waits.
actor ByteBudget {
    private var free: Int
    private let total: Int
    private var waiters: [(octets: Int, continuation: CheckedContinuation<Void, Never>)] = []

    init(_ total: Int) {
        self.total = total
        free = total
    }

    /// Takes octets; a single message larger than all there is gets all there is.
    func take(_ octets: Int) async -> Int {
        let octets = min(octets, total)
        if waiters.isEmpty, octets <= free {
            free -= octets
            return octets
        }
        await withCheckedContinuation { waiters.append((octets, $0)) }
        return octets
    }

    func giveBack(_ octets: Int) {
        free += octets
        while let first = waiters.first, first.octets <= free {
            free -= first.octets
            waiters.removeFirst().continuation.resume()
        }
    }
}
