import MailMessage

/// What an `X-AliDM-Trace` field asks for.
public struct TraceRequest: Sendable, Equatable {
    /// Name of the tag; not yet checked against anything.
    public var tagName: String
    /// `OpenTrace`.
    public var opens: Bool
    /// `LinkTrace`.
    public var clicks: Bool
    /// What was odd, in words.
    public var warnings: [String]

    /// A request.
    public init(tagName: String, opens: Bool, clicks: Bool, warnings: [String] = []) {
        self.tagName = tagName
        self.opens = opens
        self.clicks = clicks
        self.warnings = warnings
    }
}
