/// What was done to one part.
public struct PartReport: Sendable, Equatable, Codable {
    /// Place in the tree: `1` for the message, `1.2` for its second part.
    public let path: String
    /// Media type as it was read.
    public let contentType: String
    /// Charset as it was read, and how it was re-encoded.
    public var charset: String?
    /// Content-Transfer-Encoding as it was read.
    public var transferEncoding: String
    /// Whether the part was rewritten.
    public var rewritten: Bool
    /// What the part was re-encoded as, when it was.
    public var rewrittenAs: String?
    /// Links in the order of the part.
    public var links: [LinkReport]
    /// `bottom` or `top` where the pixel went into this part.
    public var pixel: String?
}
