import NIOCore
import NIOPosix
import Testing

@testable import TrackingWeb

#if canImport(Glibc)
    import Glibc
#endif

/// Whoever asks and never reads costs one buffer, not memory without end.
@Test(arguments: ["GET /o/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"])
func whoDoesNotReadIsNotAnswered(_ request: String) async throws {
    let site = try Site(scope: .tracking)
    let channels = try await site.service.server().bind(on: MultiThreadedEventLoopGroup.singleton)
    defer { for channel in channels { channel.close(promise: nil) } }
    let port = try #require(channels.first?.localAddress?.port)
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    try #require(connected == 0)
    // Without back-pressure the other side would take all of it.
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    let octets = Array(String(repeating: request, count: 500).utf8)
    var sent = 0
    var refusals = 0
    while sent < 64 << 20, refusals < 20 {
        let count = write(descriptor, octets, octets.count)
        if count > 0 {
            sent += count
            refusals = 0
        } else {
            refusals += 1
            try await Task.sleep(for: .milliseconds(50))
        }
    }
    #expect(sent < 32 << 20, "\(sent) octets were taken")
}
