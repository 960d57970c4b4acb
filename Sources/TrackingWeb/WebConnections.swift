import NIOCore
import Synchronization

/// The connections of all web listeners: how many there may be, and which has to go for a new one.
///
/// Descriptors are what queue and deliveries live on, too: whoever opens connections and says nothing must not take
/// them. Where all places are taken, the connection that has been waited for longest makes room, so that a client who
/// asks at once is always answered.
public final class WebConnections: Sendable {
    /// What is known of one connection.
    final class Entry: Sendable {
        let channel: any Channel
        fileprivate let client: String?
        /// Nanoseconds of uptime since when its next request is awaited; 0 while one is answered.
        private let awaited: Atomic<UInt64>

        fileprivate init(_ channel: any Channel, client: String?) {
            self.channel = channel
            self.client = client
            awaited = Atomic(max(1, channel.eventLoop.now.uptimeNanoseconds))
        }

        func awaits(since time: NIODeadline) { awaited.store(max(1, time.uptimeNanoseconds), ordering: .relaxed) }
        func answers() { awaited.store(0, ordering: .relaxed) }
        fileprivate var waiting: UInt64? {
            let time = awaited.load(ordering: .relaxed)
            return time == 0 ? nil : time
        }
    }

    /// Figures for metrics.
    public struct Status: Sendable, Equatable {
        /// Connections there are.
        public var open = 0
        /// Connections that were closed at once: their client had too many, or nothing could make room.
        public var refused = 0
        /// Silent connections that were closed for new ones.
        public var displaced = 0
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        var clients: [String: Int] = [:]
        var status = Status()

        /// Does nothing where it was displaced already.
        mutating func remove(_ entry: Entry) {
            guard entries.removeValue(forKey: ObjectIdentifier(entry)) != nil, let client = entry.client else { return }
            let left = (clients[client] ?? 1) - 1
            clients[client] = left > 0 ? left : nil
        }
    }

    /// Connections in all.
    public let maximum: Int
    private let maximumPerClient: Int
    private let clients: ForwardedClient
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximum: connections in all.
    ///   - maximumPerClient: connections of one address, or of one /64 of IPv6; proxies have no such limit.
    public init(maximum: Int = 1_000, maximumPerClient: Int = 100, clients: ForwardedClient) {
        self.maximum = max(1, maximum)
        self.maximumPerClient = max(1, maximumPerClient)
        self.clients = clients
    }

    /// Where things stand.
    public var status: Status {
        state.withLock { state in
            var status = state.status
            status.open = state.entries.count
            return status
        }
    }

    /// Takes a connection in; another may be closed for it.
    /// - Returns: `nil` where it cannot stay.
    func enter(_ channel: any Channel, peer: String) -> Entry? {
        let client = clients.speaksForMany(peer) ? nil : ClientKey.make(peer)
        let entry = Entry(channel, client: client)
        let (isIn, displaced) = state.withLock { state -> (Bool, Entry?) in
            if let client, state.clients[client] ?? 0 >= maximumPerClient {
                state.status.refused += 1
                return (false, nil)
            }
            var displaced: Entry?
            if state.entries.count >= maximum {
                displaced = state.entries.values.filter { $0.waiting != nil }.min {
                    $0.waiting ?? .max < $1.waiting ?? .max
                }
                guard let displaced else {
                    state.status.refused += 1
                    return (false, nil)
                }
                state.remove(displaced)
                state.status.displaced += 1
            }
            state.entries[ObjectIdentifier(entry)] = entry
            if let client { state.clients[client, default: 0] += 1 }
            return (true, displaced)
        }
        displaced?.channel.close(promise: nil)
        return isIn ? entry : nil
    }

    func leave(_ entry: Entry) { state.withLock { $0.remove(entry) } }
}
