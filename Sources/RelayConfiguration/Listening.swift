import Tracking

/// What all listeners together must keep.
struct Listening {
    let root: SectionReader
    let findings: Findings

    /// Reports a port that is to be bound twice.
    func check(_ settings: RelaySettings) {
        let isWritten = root.has("listener")
        var all = settings.listeners.enumerated().map { number, listener in
            (path: isWritten ? ["listener[\(number)]", "address"] : [], address: listener.address)
        }
        all += Self.addresses(settings.web)
        check(all)
    }

    /// The same for a tracker, which listens on those of `[web]` alone.
    func check(_ settings: TrackerSettings) { check(Self.addresses(settings.web)) }

    private static func addresses(_ web: WebSettings) -> [(path: [String], address: Endpoint)] {
        [(["web", "address"], web.address)] + (web.trackingAddress.map { [(["web", "tracking-address"], $0)] } ?? [])
    }

    private func check(_ all: [(path: [String], address: Endpoint)]) {
        for (number, later) in all.enumerated() {
            guard let earlier = all[..<number].first(where: { Self.collide($0.address, later.address) }) else {
                continue
            }
            findings.error(
                later.path, "address: \(later.address) and \(earlier.address) need the same port; choose another")
        }
    }

    private static func collide(_ one: Endpoint, _ other: Endpoint) -> Bool {
        guard one.port == other.port, one.port != 0 else { return false }
        if takesPort(one.host, of: other.host) || takesPort(other.host, of: one.host) { return true }
        if let left = IPAddress(one.host), let right = IPAddress(other.host) { return left == right }
        return one.host.lowercased() == other.host.lowercased() || one.isLoopback && other.isLoopback
    }

    /// `::` takes the port for both versions, `0.0.0.0` for IPv4.
    private static func takesPort(_ host: String, of other: String) -> Bool {
        guard let address = IPAddress(host), address.octets.allSatisfy({ $0 == 0 }) else { return false }
        return address.octets.count == 16 || (IPAddress(other)?.octets.count ?? 4) == 4
    }

    /// Whether networks hold more addresses than anybody has: over 16 blocks of eight bits, or over a 4,096th of IPv6.
    ///
    /// Summed, so that two halves of the world are no way around.
    static func opensTheWorld(_ networks: [IPNetwork]) -> Bool {
        func share(_ width: Int) -> Double {
            networks.filter { $0.address.octets.count * 8 == width && !isPrivate($0) }
                .reduce(0) { $0 + 1 / Double(UInt64(1) << UInt64(min($1.prefixLength, 62))) }
        }
        return share(32) > 1 / 16 || share(128) > 1 / 4_096
    }

    /// fc00::/7, fe80::/10.
    private static func isPrivate(_ network: IPNetwork) -> Bool {
        ["fc00::/7", "fe80::/10"].compactMap { IPNetwork($0) }.contains {
            network.prefixLength >= $0.prefixLength && $0.contains(network.address)
        }
    }
}
