import Glibc
public import RelayConfiguration
import SMTPProtocol

/// How many files and sockets this process may have open (RLIMIT_NOFILE).
public enum DescriptorLimit {
    /// For the queue's files, databases, lists, the log, and links while all connections are taken.
    private static let headRoom = 512

    /// Asks the system for as many as it gives without asking anybody else: the soft limit is low for programs that call
    /// select(2), which this one does not.
    /// - Returns: how many there are now.
    @discardableResult
    static func raise(to wanted: Int = 65_536) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 256 }
        let more = min(limit.rlim_max, rlim_t(wanted))
        if limit.rlim_cur < more {
            var raised = limit
            raised.rlim_cur = more
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Of `wanted` web connections those that leave queue, deliveries and intake their descriptors.
    /// - Parameters:
    ///   - descriptors: all there are.
    ///   - others: what the rest may need.
    static func webConnections(wanted: Int, descriptors: Int, others: Int) -> Int {
        min(wanted, max(16, descriptors / 4, descriptors - others))
    }

    /// What to say where the connections that relay.conf allows could take every descriptor.
    public static func warning(_ settings: RelaySettings) -> String? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        let available = Int(clamping: limit.rlim_max)
        let wanted =
            settings.limits.connections + settings.upstreams.values.reduce(0) { $0 + $1.limits.connections } + headRoom
        guard wanted > available else { return nil }
        return "connections of [limits] and upstreams may need \(wanted) open files, and this process may have "
            + "\(available): raise LimitNOFILE (or `ulimit -Hn`), or lower them"
    }
}
