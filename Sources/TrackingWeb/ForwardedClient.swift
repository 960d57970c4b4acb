public import Tracking

/// Whose request it is, behind proxies that are trusted.
public struct ForwardedClient: Sendable {
    private let trustedProxies: [IPNetwork]
    private let distantProxies: [IPNetwork]

    /// - Parameter trustedProxies: networks whose `X-Forwarded-For` counts.
    public init(trustedProxies: [IPNetwork]) {
        self.trustedProxies = trustedProxies
        distantProxies = trustedProxies.filter { !$0.address.isLoopback }
    }

    /// The address: the last hop that is not one of our proxies (RFC 7239 §7.4 says why not further).
    func address(_ forwardedFor: String, peer: String) -> String {
        var address = peer
        guard !forwardedFor.isEmpty, isTrusted(peer) else { return address }
        for hop in forwardedFor.split(separator: ",").reversed().prefix(16) {
            let text = hop.trimmingBlanks()
            guard let parsed = IPAddress(text) else { break }
            address = parsed.description
            if !isTrusted(text) { break }
        }
        return address
    }

    /// Whether a peer speaks for others, or is this machine, where every local proxy has one address.
    func speaksForMany(_ peer: String) -> Bool {
        if peer.hasPrefix("127.") || peer == "::1" { return true }
        // Asked for every connection: an address is taken apart only where that can make a difference.
        guard !distantProxies.isEmpty || peer.utf8.contains(UInt8(ascii: ":")), let address = IPAddress(peer) else {
            return false
        }
        return address.isLoopback || distantProxies.contains { $0.contains(address) }
    }

    private func isTrusted(_ text: String) -> Bool {
        guard !trustedProxies.isEmpty, let address = IPAddress(text) else { return false }
        return trustedProxies.contains { $0.contains(address) }
    }
}

/// What stands for one client in limits: an IPv4 address, or the /64 that one IPv6 client has to itself.
enum ClientKey {
    static func make(_ address: String) -> String {
        guard address.utf8.contains(UInt8(ascii: ":")), let octets = IPAddress(address)?.octets, octets.count == 16
        else { return address }
        return octets.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "/64"
    }
}
