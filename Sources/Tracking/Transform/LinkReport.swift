/// What was done to one link.
public struct LinkReport: Sendable, Equatable, Codable {
    /// `a`, `area`, `vml` or `text`.
    public let element: String
    /// The address as a browser would request it; bytes that are not UTF-8 appear as U+FFFD.
    public let url: String
    /// Number of the link when it was tracked.
    public let number: Int?
    /// Why it was left alone.
    public let reason: LinkReason?

    /// A report with all its parts.
    public init(element: String, url: String, number: Int?, reason: LinkReason?) {
        self.element = element
        self.url = url
        self.number = number
        self.reason = reason
    }
}
