import NIOCore
import Synchronization

/// Tells a session that the service stops.
struct ServiceStopping: Sendable {}

/// The sessions of a server that stand.
final class OpenSessions: Sendable {
    private let state = Mutex((channels: [ObjectIdentifier: any Channel](), isStopping: false))

    /// Takes a session in until it closes.
    func add(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        let isStopping = state.withLock { state in
            state.channels[key] = channel
            return state.isStopping
        }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { _ = $0.channels.removeValue(forKey: key) } }
        // It was accepted while the listener closed.
        if isStopping { channel.close(promise: nil) }
    }

    /// - Returns: when all have ended.
    func stop() async {
        let all = state.withLock { state in
            state.isStopping = true
            return Array(state.channels.values)
        }
        for channel in all { channel.pipeline.fireUserInboundEventTriggered(ServiceStopping()) }
        for channel in all { try? await channel.closeFuture.get() }
    }

    func abort() async {
        for channel in state.withLock({ Array($0.channels.values) }) { try? await channel.close() }
    }
}
