/// An IPv4 or IPv6 address as octets.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    /// 4 or 16 octets, network order.
    public let octets: [UInt8]

    /// Takes 4 or 16 octets; an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2) becomes the IPv4 one.
    public init?(octets: [UInt8]) {
        guard octets.count == 4 || octets.count == 16 else { return nil }
        let isMapped = octets.count == 16 && octets[..<10].allSatisfy({ $0 == 0 }) && octets[10...11] == [255, 255]
        self.octets = isMapped ? Array(octets[12...]) : octets
    }

    /// Reads dotted-quad or RFC 4291 §2.2 text, without zone.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count <= 45,
            let octets = text.contains(":") ? Self.version6(String(text)) : Self.version4(String(text))
        else {
            return nil
        }
        self.init(octets: octets)
    }

    /// Whether it is this machine: 127.0.0.0/8 or `::1`.
    public var isLoopback: Bool {
        octets.count == 4 ? octets[0] == 127 : octets.dropLast().allSatisfy { $0 == 0 } && octets[15] == 1
    }

    /// Dotted-quad, or the form of RFC 5952: the longest run of zeros, the first of equals, becomes `::`.
    public var description: String {
        if octets.count == 4 { return octets.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { Int(octets[$0]) << 8 | Int(octets[$0 + 1]) }
        var longest = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(1, longest.count) { longest = start..<index }
            start = index + 1
        }
        func text(_ part: ArraySlice<Int>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard !longest.isEmpty else { return text(groups[...]) }
        return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
    }

    private static func version4(_ text: String) -> [UInt8]? {
        let numbers = text.split(separator: ".", omittingEmptySubsequences: false)
        let octets = numbers.compactMap { $0.utf8.count <= 3 && $0.first?.isNumber == true ? UInt8($0) : nil }
        return numbers.count == 4 && octets.count == 4 ? octets : nil
    }

    private static func version6(_ text: String) -> [UInt8]? {
        let groups = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var octets: [UInt8] = []
        var gap: Int?
        for (index, group) in groups.enumerated() {
            if group.isEmpty {
                // "::" gives one empty group inside, two at either end.
                let atEdge = index == 0 || index == groups.count - 1
                if atEdge, groups.count > 2, groups[index == 0 ? 1 : index - 1].isEmpty { continue }
                guard gap == nil, !atEdge else { return nil }
                gap = octets.count
            } else if index == groups.count - 1, group.contains(".") {
                guard let tail = version4(group) else { return nil }
                octets += tail
            } else {
                guard group.utf8.count <= 4, let value = UInt16(group, radix: 16), group.first != "+" else {
                    return nil
                }
                octets += [UInt8(value >> 8), UInt8(value & 255)]
            }
        }
        guard let gap else { return octets.count == 16 ? octets : nil }
        guard octets.count <= 14 else { return nil }
        return octets[..<gap] + [UInt8](repeating: 0, count: 16 - octets.count) + octets[gap...]
    }
}

/// A block of addresses (RFC 4632), such as `10.0.0.0/8`; a bare address is a block of one.
public struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    /// Any address of the block.
    public let address: IPAddress
    /// Leading bits that count.
    public let prefixLength: Int

    /// Reads `ADDRESS` or `ADDRESS/BITS`.
    public init?(_ text: some StringProtocol) {
        let halves = String(text).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, let address = IPAddress(first) else { return nil }
        let bits = halves.count == 2 ? Int(halves[1]) ?? -1 : address.octets.count * 8
        guard 0...(address.octets.count * 8) ~= bits else { return nil }
        self.address = address
        prefixLength = bits
    }

    /// Whether an address lies in the block.
    public func contains(_ other: IPAddress) -> Bool {
        guard other.octets.count == address.octets.count else { return false }
        let whole = prefixLength / 8
        guard address.octets[..<whole] == other.octets[..<whole] else { return false }
        let rest = prefixLength % 8
        return rest == 0 || (address.octets[whole] ^ other.octets[whole]) >> (8 - UInt8(rest)) == 0
    }

    /// `ADDRESS/BITS`.
    public var description: String { "\(address)/\(prefixLength)" }
}
