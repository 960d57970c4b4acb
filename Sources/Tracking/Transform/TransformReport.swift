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

/// Everything the transform found and did (§9 of the contract).
public struct TransformReport: Sendable, Equatable, Codable {
    /// Parts in the order of the message.
    public var parts: [PartReport] = []
    /// What was repaired on the way.
    public var repairs: [String] = []
    /// What a reader should know besides.
    public var warnings: [String] = []

    /// Nothing was found.
    public init() {}

    /// Links that were tracked.
    public var trackedLinks: Int { parts.reduce(0) { $0 + $1.links.count { $0.number != nil } } }
}

/// How a mail goes out.
public enum TransformOutcome: Sendable, Equatable {
    /// With links, a pixel or both.
    case tracked(TransformReport)
    /// With its body as it was.
    case passedThrough(PassThroughReason, TransformReport)

    /// The report in either case.
    public var report: TransformReport {
        switch self {
        case .tracked(let report), .passedThrough(_, let report): report
        }
    }
}
