/// An entry of `senders`: a glob over domains, shown in lower case.
public struct DomainPattern: Sendable, Hashable, CustomStringConvertible {
    private let glob: Glob

    /// A pattern.
    public init(_ text: String) { glob = Glob(text.lowercased()) }

    /// The pattern in lower case.
    public var description: String { glob.description }

    /// Whether a domain is meant.
    public func matches(_ domain: String) -> Bool { glob.matches(domain) }
}
