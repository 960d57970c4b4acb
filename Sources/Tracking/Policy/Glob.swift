/// A pattern of literal octets, `*` (any octets) and `?` (one octet), compared without regard to ASCII case.
///
/// Matching goes back only to the last `*`, so its time is bounded by pattern × text whatever the text holds.
public struct Glob: Sendable, Hashable, CustomStringConvertible {
    /// The pattern as it was written.
    public let description: String
    private let pattern: [UInt8]

    /// A pattern.
    public init(_ text: String) {
        description = text
        pattern = text.utf8.map(Self.lowercased)
    }

    /// Whether the whole text fits.
    public func matches(_ text: some Collection<UInt8>) -> Bool {
        let text = Array(text)
        var place = 0
        var index = 0
        var star: (pattern: Int, text: Int)?
        while index < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, index)
                place += 1
            } else if place < pattern.count,
                pattern[place] == UInt8(ascii: "?") || pattern[place] == Self.lowercased(text[index])
            {
                place += 1
                index += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                place = last.pattern + 1
                index = last.text + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Whether the whole text fits.
    public func matches(_ text: String) -> Bool { matches(text.utf8) }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}

/// A line of `exclude`: a host glob (`*.example.com`), or a URL glob where it holds a slash
/// (`https://shop.example.com/cart/*`).
public struct LinkPattern: Sendable, Hashable, CustomStringConvertible {
    private let glob: Glob
    private let isURL: Bool

    /// A pattern.
    public init(_ text: String) {
        glob = Glob(text)
        isURL = text.contains("/")
    }

    /// The pattern as it was written.
    public var description: String { glob.description }

    /// Whether a link is meant.
    /// - Parameters:
    ///   - host: its host in lower case.
    ///   - url: the whole address.
    public func matches(host: [UInt8], url: [UInt8]) -> Bool { isURL ? glob.matches(url) : glob.matches(host) }
}
