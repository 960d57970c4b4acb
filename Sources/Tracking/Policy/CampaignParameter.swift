/// One `utm` parameter.
public struct CampaignParameter: Sendable, Hashable {
    /// Its name, such as `utm_source`.
    public let name: String
    /// Its value, not yet percent-encoded.
    public let value: String

    /// A parameter.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
