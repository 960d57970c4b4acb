import NIOCore
import NIOPosix

/// A web listener that serves.
public struct WebListening: Sendable {
    private let channels: [any Channel]

    fileprivate init(channels: [any Channel]) { self.channels = channels }

    /// The port it listens on.
    public var port: Int { channels.first?.localAddress?.port ?? 0 }

    /// Stops listening; requests that are under way are answered.
    public func close() async {
        for channel in channels {
            // One that is closed already is what is wanted.
            try? await channel.close()
        }
    }
}

extension WebService {
    /// Binds, and serves until ``WebListening/close()``.
    /// - Throws: ``WebServerError`` where the address cannot be bound.
    public func listen() async throws -> WebListening {
        WebListening(channels: try await server().bind(on: MultiThreadedEventLoopGroup.singleton))
    }
}
