import MailMessage

/// What a hit asks for.
public enum TokenKind: UInt8, Sendable, CaseIterable {
    /// The pixel of `/o/`.
    case open = 0x6F
    /// A link of `/c/`.
    case click = 0x63

    /// The path segment in front of the token.
    public var pathSegment: String { self == .open ? "o" : "c" }
}
