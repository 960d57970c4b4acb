import Glibc

/// A TCP client on loopback that does what no good one does. All of it blocks: use it in ``talk(_:small:_:)`` or in
/// ``onOwnThread(_:)``.
public final class RawClient: Sendable {
    /// Why a dialogue did not go on.
    public struct Trouble: Error, CustomStringConvertible {
        /// What happened, and what was heard before it.
        public let description: String
    }

    private let socket: Int32

    /// - Parameter small: whether its buffers are as small as the system has them.
    public init(port: Int, small: Bool = false) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if small {
            var octets: Int32 = 4_096
            setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &octets, socklen_t(MemoryLayout<Int32>.size))
            setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &octets, socklen_t(MemoryLayout<Int32>.size))
        }
        var patience = timeval(tv_sec: Patience.seconds, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Trouble(description: "connect: \(errno)") }
    }

    deinit { close(socket) }

    /// Has a dialogue on a thread of its own.
    public static func talk<Value: Sendable>(
        _ port: Int, small: Bool = false, _ body: @escaping @Sendable (RawClient) throws -> Value
    ) async throws -> Value {
        try await onOwnThread { try body(try RawClient(port: port, small: small)) }
    }

    /// Says all of it.
    public func say(_ text: String) throws {
        let octets = Array(text.utf8)
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes {
                send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Trouble(description: "send: \(errno)") }
            sent += count
        }
    }

    /// Says a line again and again until the other side ends the connection, or `limit` octets are sent.
    /// - Returns: how many octets were taken.
    public func flood(_ line: String, limit: Int) -> Int {
        let octets = Array(String(repeating: line, count: 1_000).utf8)
        var total = 0
        while total < limit {
            let count = octets.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { break }
            total += count
        }
        return total
    }

    /// Sends what is taken at once.
    /// - Returns: how many octets that are.
    private func offer(_ octets: [UInt8]) -> Int {
        max(0, send(socket, octets, octets.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)))
    }

    /// Offers a line again and again until the other side takes no more, though it has had its turn many times for two
    /// seconds at least, or `limit` octets are taken.
    /// - Parameter turn: returns when the other side has had one.
    /// - Returns: how many octets were taken.
    public func press(_ line: String, limit: Int, turn: () async throws -> Void) async throws -> Int {
        let octets = Array(String(repeating: line, count: 1_000).utf8)
        var taken = 0
        var refusals = 0
        while taken < limit, refusals < 200 {
            let count = offer(octets)
            taken += count
            refusals = count > 0 ? 0 : refusals + 1
            guard count == 0 else { continue }
            // The kernel's acknowledgements have their time, too.
            try await Task.sleep(for: .milliseconds(10))
            try await turn()
        }
        return taken
    }

    /// Nothing more will be said; answers are still heard.
    public func endSaying() { shutdown(socket, Int32(SHUT_WR)) }

    /// What came up to `end`.
    public func hear(until end: String) throws -> String {
        var octets: [UInt8] = []
        while !octets.ends(with: end.utf8) {
            var octet: UInt8 = 0
            guard recv(socket, &octet, 1, 0) == 1 else {
                throw Trouble(description: "ended behind \(String(decoding: octets, as: UTF8.self))")
            }
            octets.append(octet)
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// All that came until the other side closed; throws where it does not.
    public func hearAll() throws -> String {
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(socket, &piece, piece.count, 0)
            if count > 0 {
                octets += piece[..<count]
            } else if count == 0 || errno == ECONNRESET {
                return String(decoding: octets, as: UTF8.self)
            } else {
                throw Trouble(description: "not closed: \(errno); so far \(String(decoding: octets, as: UTF8.self))")
            }
        }
    }
}

extension [UInt8] {
    fileprivate func ends(with end: String.UTF8View) -> Bool { suffix(end.count).elementsEqual(end) }
}
