/// An entry of a list behind a key of a policy: a text, unless it says otherwise.
protocol PolicyListEntry: Sendable {
    static var listKind: PolicyKey.Kind { get }
    static func policyValue(of entries: [Self]) -> PolicyValue
    /// Reads ``policyValue(of:)``; `nil` for what is no list of this type.
    static func entries(of value: PolicyValue) -> [Self]?
}

/// A pattern that is written as it was read.
protocol PolicyPattern: PolicyListEntry, CustomStringConvertible {
    init(_ text: String)
}

extension PolicyPattern {
    static var listKind: PolicyKey.Kind { .list }
    static func policyValue(of entries: [Self]) -> PolicyValue { .list(entries.map(\.description)) }
    static func entries(of value: PolicyValue) -> [Self]? {
        guard case .list(let texts) = value else { return nil }
        return texts.map { Self($0) }
    }
}

extension LinkPattern: PolicyPattern {}
extension DomainPattern: PolicyPattern {}

extension CampaignParameter: PolicyListEntry {
    static var listKind: PolicyKey.Kind { .parameters }
    static func policyValue(of entries: [CampaignParameter]) -> PolicyValue { .parameters(entries) }
    static func entries(of value: PolicyValue) -> [CampaignParameter]? {
        guard case .parameters(let entries) = value else { return nil }
        return entries
    }
}
