extension URLHost {
    /// Whether only the sender's network knows the host: a single label, a private, loopback or link-local address, or one
    /// of the names kept for local use (RFC 6761, RFC 6762, RFC 8375).
    public var isPrivate: Bool {
        switch self {
        case .version4(let address): Self.isPrivate4(address.octets[...])
        case .version6(let octets): Self.isPrivate6(octets)
        case .domain(let name): Self.isPrivateName(name)
        }
    }

    private static func isPrivateName(_ host: [UInt8]) -> Bool {
        var name = host[...]
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        var previous = UInt8(ascii: ".")
        var hasDot = false
        for byte in name {
            if byte == UInt8(ascii: ".") {
                // An empty label.
                guard previous != byte else { return true }
                hasDot = true
            }
            previous = byte
        }
        guard hasDot, previous != UInt8(ascii: ".") else { return true }
        return localSuffixes.contains { suffix in
            guard name.suffix(suffix.count).elementsEqual(suffix) else { return false }
            return name.count == suffix.count || name[name.endIndex - suffix.count - 1] == UInt8(ascii: ".")
        }
    }

    private static let localSuffixes = [
        "localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa",
    ].map { Array($0.utf8) }

    private static func isPrivate4(_ octets: ArraySlice<UInt8>) -> Bool {
        let octets = Array(octets)
        guard octets.count == 4 else { return true }
        switch (octets[0], octets[1]) {
        case (0, _), (10, _), (127, _), (224..., _), (169, 254), (192, 168): return true
        case (172, 16...31), (100, 64...127), (198, 18...19): return true
        default: return false
        }
    }

    /// An address that holds an IPv4 one is judged by it: mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052 §2.1), 6to4
    /// (RFC 3056 §2). Of the rest only 2000::/3 is public.
    private static func isPrivate6(_ octets: [UInt8]) -> Bool {
        guard octets.count == 16 else { return true }
        let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10] == 255 && octets[11] == 255
        let isNAT64 = octets.starts(with: [0, 0x64, 0xFF, 0x9B]) && octets[4..<12].allSatisfy { $0 == 0 }
        if isMapped || isNAT64 { return isPrivate4(octets[12...]) }
        if octets[0] == 0x20, octets[1] == 0x02 { return isPrivate4(octets[2..<6]) }
        return octets[0] & 0xE0 != 0x20
    }
}
