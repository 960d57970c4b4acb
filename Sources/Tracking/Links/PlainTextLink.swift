/// A URL in plain text.
public struct PlainTextLink: Sendable, Equatable {
    /// Where it stands: from its scheme on, line breaks between angle brackets included.
    public let range: Range<Int>
    /// The URL; what stands between angle brackets without its line breaks (RFC 3986, appendix C).
    public let url: [UInt8]
    /// Whether mail programs agree on where it ends. Where they do not, a token for one reading would stand in front of the
    /// rest of another.
    public let isCertain: Bool
    /// Whether some programs would take what follows for a part of the address.
    public let needsClosing: Bool
}
