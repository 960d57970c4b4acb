import Dispatch

/// Work that would hold up an event loop or the cooperative pool.
enum BlockingWork {
    private static let queue = DispatchQueue(label: "tracerelay.blocking", attributes: .concurrent)

    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in queue.async { continuation.resume(returning: body()) } }
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
