import Synchronization

/// The policies in force. Whoever needs one opens the book anew for each mail, page or hit, so that all see a replacement
/// at once; a mail that was accepted before keeps its decision.
final class PolicyBook: Sendable {
    private let snapshot: Mutex<PolicySnapshot>

    init(_ snapshot: PolicySnapshot) { self.snapshot = Mutex(snapshot) }

    /// The policies of this moment.
    var current: PolicySnapshot { snapshot.withLock { $0 } }

    /// Puts others in force.
    func replace(with other: PolicySnapshot) { snapshot.withLock { $0 = other } }
}
