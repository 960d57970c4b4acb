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
