import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import TrackingWeb

/// Whoever asks and never reads costs one buffer, not memory without end.
@Test(arguments: ["GET /o/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"])
func whoDoesNotReadIsNotAnswered(_ request: String) async throws {
    let site = try Site(scope: .tracking)
    let channels = try await site.service.server().bind(on: MultiThreadedEventLoopGroup.singleton)
    defer { for channel in channels { channel.close(promise: nil) } }
    let port = try #require(channels.first?.localAddress?.port)
    // Without back-pressure the other side would take all of it.
    let sent = try await RawClient(port: port).press(request, limit: 32 << 20) {
        for channel in channels { try await channel.eventLoop.submit {}.get() }
    }
    #expect(sent < 32 << 20, "\(sent) octets were taken")
}
