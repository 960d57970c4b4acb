/// Links that are turned off in an emergency: one thing per line, `message ID`, `tag NAME`, `host GLOB` or `key NUMBER`.
public struct BlockList: Sendable, Hashable {
    /// A line that cannot be read.
    public struct Defect: Error, Sendable, Equatable, CustomStringConvertible {
        /// From 1.
        public let line: Int
        /// What is wrong and what would be right.
        public let message: String
        /// `LINE: MESSAGE`.
        public var description: String { "\(line): \(message)" }
    }

    private var messages: Set<TrackingMessageID> = []
    private var hosts: [Glob] = []
    private var keys: Set<KeyID> = []
    /// Tags whose links are off; who asks must know a message's tag.
    public private(set) var tags: Set<String> = []

    /// A list that blocks nothing.
    public init() {}

    /// Reads a file's text; empty lines and lines that begin with `#` say nothing.
    /// - Throws: ``Defect``.
    public init(parsing text: String) throws(Defect) {
        for line in TextLines.entries(text.utf8) {
            let words = line.words
            let value = words.count == 2 ? words[1] : ""
            switch words.first {
            case "message":
                guard let id = TrackingMessageID(hexadecimal: value) else {
                    throw Defect(line: line.number, message: "expected \"message\" and its 20 hexadecimal digits")
                }
                messages.insert(id)
            case "tag":
                guard TagName(value) != nil else { throw Defect(line: line.number, message: "expected \"tag NAME\"") }
                tags.insert(value)
            case "host":
                guard !value.isEmpty else {
                    throw Defect(line: line.number, message: "expected \"host\" and a pattern such as *.example.com")
                }
                hosts.append(Glob(value))
            case "key":
                guard let number = KeyID(value) else {
                    throw Defect(line: line.number, message: "expected \"key NUMBER\"")
                }
                keys.insert(number)
            default:
                throw Defect(line: line.number, message: "a line begins with message, tag, host or key")
            }
        }
    }

    /// Whether nothing is blocked.
    public var isEmpty: Bool { messages.isEmpty && hosts.isEmpty && keys.isEmpty && tags.isEmpty }

    /// Whether a link is off, as far as its token tells.
    public func blocks(message: TrackingMessageID, key: KeyID, target: [UInt8]) -> Bool {
        if isEmpty { return false }
        if messages.contains(message) || keys.contains(key) { return true }
        guard !hosts.isEmpty else { return false }
        let host = Self.host(of: target)
        return hosts.contains { $0.matches(host) }
    }

    /// The host a browser would ask: between `//` and the next `/`, `?`, `#` or backslash, behind the last `@`, without port.
    static func host(of target: [UInt8]) -> ArraySlice<UInt8> {
        guard let colon = target.firstIndex(of: UInt8(ascii: ":")) else { return [] }
        let rest = target[(colon + 1)...].drop { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }
        var host = rest.prefix { !"/?#\\".utf8.contains($0) }
        if let at = host.lastIndex(of: UInt8(ascii: "@")) { host = host[(at + 1)...] }
        if host.first != UInt8(ascii: "["), let port = host.lastIndex(of: UInt8(ascii: ":")) { host = host[..<port] }
        if host.last == UInt8(ascii: ".") { host = host.dropLast() }
        return host
    }
}
