/// The parts of an `http` or `https` URL that the link rules look at, found the way a browser's URL parser finds them.
public struct LinkTarget: Sendable, Equatable {
    /// Whether the scheme is `https`.
    public let isSecure: Bool
    /// The host in lower case, without user name and port; IPv6 literals keep their brackets.
    public let host: [UInt8]

    /// Why a URL is no target.
    public enum Refusal: Sendable, Equatable {
        /// Nothing there.
        case empty
        /// `#…`: a place in the same document.
        case fragment
        /// No scheme.
        case relative
        /// A scheme other than `http` and `https`.
        case otherScheme
        /// No host behind the scheme.
        case noHost
    }

    /// Looks at a URL whose character references are decoded and whose white space is trimmed.
    public static func parse(_ url: [UInt8]) -> Result<LinkTarget, RefusalError> {
        guard let first = url.first else { return .failure(RefusalError(.empty)) }
        if first == UInt8(ascii: "#") { return .failure(RefusalError(.fragment)) }
        guard let colon = schemeEnd(url) else { return .failure(RefusalError(.relative)) }
        let scheme = url[..<colon].map(lowercased)
        let isSecure = scheme.elementsEqual("https".utf8)
        guard isSecure || scheme.elementsEqual("http".utf8) else { return .failure(RefusalError(.otherScheme)) }
        // WHATWG URL, "special authority slashes": any number of slashes and backslashes.
        var index = colon + 1
        while index < url.count, isSlash(url[index]) { index += 1 }
        guard index >= colon + 3 else { return .failure(RefusalError(.noHost)) }
        let host = authorityHost(url[index...])
        guard !host.isEmpty else { return .failure(RefusalError(.noHost)) }
        return .success(LinkTarget(isSecure: isSecure, host: host))
    }

    /// ``Refusal`` as an error value.
    public struct RefusalError: Error, Sendable, Equatable {
        /// The refusal.
        public let refusal: Refusal
        init(_ refusal: Refusal) { self.refusal = refusal }
    }

    /// The host as it is compared: `example.com.` and `example.com` are one.
    var hostWithoutFinalDot: [UInt8] { host.last == UInt8(ascii: ".") ? Array(host.dropLast()) : host }

    /// Whether the host is one that only the sender's network knows: a single label, a private, loopback or link-local
    /// address, or one of the names kept for local use (RFC 6761, RFC 6762, RFC 8375).
    public var isPrivate: Bool {
        if host.first == UInt8(ascii: "[") { return Self.isPrivateIPv6(host) }
        var name = host[...]
        if name.last == UInt8(ascii: ".") { name.removeLast() }
        let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let last = labels.last, labels.count > 1, !labels.contains(where: \.isEmpty) else { return true }
        if last.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) || last.starts(with: "0x".utf8) {
            return Self.isPrivateIPv4(labels)
        }
        return Self.localSuffixes.contains { suffix in
            guard name.reversed().starts(with: suffix.reversed()) else { return false }
            return name.count == suffix.count || name[name.endIndex - suffix.count - 1] == UInt8(ascii: ".")
        }
    }

    private static let localSuffixes = [
        "localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa",
    ].map { Array($0.utf8) }

    private static func schemeEnd(_ url: [UInt8]) -> Int? {
        for (index, byte) in url.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): continue
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                if index == 0 { return nil }
            case UInt8(ascii: ":"): return index > 0 ? index : nil
            default: return nil
            }
        }
        return nil
    }

    private static func authorityHost(_ rest: ArraySlice<UInt8>) -> [UInt8] {
        let end = rest.firstIndex { isSlash($0) || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? rest.endIndex
        var authority = rest[rest.startIndex..<end]
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) { authority = authority[(at + 1)...] }
        if authority.first == UInt8(ascii: "[") {
            guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { return [] }
            return authority[...close].map(lowercased)
        }
        if let colon = authority.firstIndex(of: UInt8(ascii: ":")) { authority = authority[..<colon] }
        return authority.map(lowercased)
    }

    private static func isSlash(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }

    /// The dotted quad, or the odd forms browsers read as one (fewer than four numbers, octal, hexadecimal), which no
    /// public link uses: those count as private.
    private static func isPrivateIPv4(_ labels: [ArraySlice<UInt8>]) -> Bool {
        let numbers = labels.compactMap { label -> UInt8? in
            label.count > 1 && label.first == UInt8(ascii: "0") ? nil : UInt8(String(decoding: label, as: UTF8.self))
        }
        guard numbers.count == 4, labels.count == 4 else { return true }
        switch (numbers[0], numbers[1]) {
        case (0, _), (10, _), (127, _), (224..., _), (169, 254), (192, 168): return true
        case (172, 16...31), (100, 64...127): return true
        default: return false
        }
    }

    private static func isPrivateIPv6(_ host: [UInt8]) -> Bool {
        let text = String(decoding: host.dropFirst().dropLast(), as: UTF8.self)
        let local = ["fc", "fd", "fe8", "fe9", "fea", "feb", "ff"]
        // Everything below 2000::/3 that a mail could name is loopback, unspecified or an embedded IPv4 address.
        return text.hasPrefix(":") || text.hasPrefix("0") || local.contains { text.hasPrefix($0) }
    }
}
