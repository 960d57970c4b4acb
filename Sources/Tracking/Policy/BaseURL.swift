/// The address in front of every token: scheme, host, port and perhaps a path.
public struct BaseURL: Sendable, Hashable, CustomStringConvertible {
    /// The address without a final slash.
    public let description: String
    /// ``description`` as octets.
    public let bytes: [UInt8]
    /// Host in lower case; IPv6 literals keep their brackets.
    public let host: String
    /// Whether the scheme is `https`.
    public let isSecure: Bool

    /// Whether the tracking host is this machine: a demo or a test.
    public var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }

    /// Why a text is no base URL.
    public struct Defect: Error, Sendable, Equatable, CustomStringConvertible {
        /// What is wrong, and what would be right.
        public let description: String
    }

    /// Reads a base URL.
    /// - Throws: ``Defect`` for anything but `http(s)://host[:port][/path]` in printable ASCII.
    public init(_ text: String) throws(Defect) {
        guard text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }), !text.contains(where: { "\"<>\\^`{|}".contains($0) }) else {
            throw Defect(description: "it must be printable ASCII without blanks, quotes or brackets")
        }
        guard !text.contains("?"), !text.contains("#") else {
            throw Defect(description: "it must not hold a query or a fragment; tokens are appended to its path")
        }
        var trimmed = text[...]
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard case .success(let target) = LinkTarget.parse(Array(trimmed.utf8)),
            trimmed.lowercased().hasPrefix(target.isSecure ? "https://" : "http://")
        else { throw Defect(description: "it must be an http or https address such as \"https://track.example.com\"") }
        let authority = trimmed.drop(while: { $0 != "/" }).dropFirst(2).prefix(while: { $0 != "/" })
        guard !authority.contains("@") else { throw Defect(description: "it must not hold a user name") }
        description = String(trimmed)
        bytes = Array(trimmed.utf8)
        host = String(decoding: target.host, as: UTF8.self)
        isSecure = target.isSecure
    }

    /// The path in front of `/o/` and `/c/`: empty, or `/…` without a final slash.
    public var path: String {
        let authority = description.drop(while: { $0 != "/" }).dropFirst(2)
        return String(authority.drop(while: { $0 != "/" }))
    }
}
