/// The parts of an `http` or `https` URL that the link rules look at, found the way a browser's URL parser finds them.
public struct LinkTarget: Sendable, Equatable {
    /// Whether the scheme is `https`.
    public let isSecure: Bool
    /// The host as a browser asks for it.
    public let name: URLHost

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
        /// A host or port that no browser takes.
        case invalidHost
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
        let (host, port) = authority(url[index...])
        guard !host.isEmpty else { return .failure(RefusalError(.noHost)) }
        guard let name = URLHost(host), isPort(port) else { return .failure(RefusalError(.invalidHost)) }
        return .success(LinkTarget(isSecure: isSecure, name: name))
    }

    /// ``Refusal`` as an error value.
    public struct RefusalError: Error, Sendable, Equatable {
        /// The refusal.
        public let refusal: Refusal
        init(_ refusal: Refusal) { self.refusal = refusal }
    }

    /// The host in lower case, without user name and port; IPv6 literals keep their brackets.
    public var host: [UInt8] { name.serialized }

    /// The host as it is compared: `example.com.` and `example.com` are one.
    var hostWithoutFinalDot: [UInt8] { host.last == UInt8(ascii: ".") ? Array(host.dropLast()) : host }

    /// Whether the host is one that only the sender's network knows.
    public var isPrivate: Bool { name.isPrivate }

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

    /// Host and port as they are written, without user name and password.
    private static func authority(
        _ rest: ArraySlice<UInt8>
    ) -> (host: ArraySlice<UInt8>, port: ArraySlice<UInt8>) {
        let end = rest.firstIndex { isSlash($0) || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? rest.endIndex
        var authority = rest[rest.startIndex..<end]
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) { authority = authority[(at + 1)...] }
        var index = authority.startIndex
        if authority.first == UInt8(ascii: "["), let close = authority.firstIndex(of: UInt8(ascii: "]")) {
            index = close
        }
        guard let colon = authority[index...].firstIndex(of: UInt8(ascii: ":")) else { return (authority, []) }
        return (authority[..<colon], authority[(colon + 1)...])
    }

    /// WHATWG URL, port state: digits that give at most 65,535, or none.
    private static func isPort(_ port: ArraySlice<UInt8>) -> Bool {
        var value = 0
        for byte in port {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return false }
            value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 1 << 20)
        }
        return value <= 65_535
    }

    private static func isSlash(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
