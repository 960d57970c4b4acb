/// What a tag is known by for ever: a number that is never given again, or, as long as the tag stands in relay.conf, its
/// name.
public enum TagID: Sendable, Hashable, CustomStringConvertible {
    case named(TagName)
    case numbered(UInt64)

    /// `NAME`, or `#NUMBER`; no name holds a `#`.
    public var description: String {
        switch self {
        case .named(let name): name.description
        case .numbered(let number): "#\(number)"
        }
    }

    /// Reads ``description``.
    public init?(_ text: String) {
        if text.hasPrefix("#") {
            guard let number = UInt64(text.dropFirst()), "#\(number)" == text else { return nil }
            self = .numbered(number)
        } else {
            guard let name = TagName(text) else { return nil }
            self = .named(name)
        }
    }
}
