import Synchronization

/// Counts client connections, in all and per address.
public final class ConnectionCounter: Sendable {
    private let counts = Mutex<(total: Int, perClient: [String: Int])>((0, [:]))
    private let maximum: Int
    private let maximumPerClient: Int

    /// A counter with its limits.
    public init(maximum: Int, maximumPerClient: Int) {
        self.maximum = maximum
        self.maximumPerClient = maximumPerClient
    }

    /// Connections now.
    public var total: Int { counts.withLock { $0.total } }

    func enter(_ client: String) -> Bool {
        counts.withLock { counts in
            let own = counts.perClient[client] ?? 0
            guard counts.total < maximum, own < maximumPerClient else { return false }
            counts.total += 1
            counts.perClient[client] = own + 1
            return true
        }
    }

    func leave(_ client: String) {
        counts.withLock { counts in
            counts.total -= 1
            let own = (counts.perClient[client] ?? 1) - 1
            counts.perClient[client] = own == 0 ? nil : own
        }
    }
}
