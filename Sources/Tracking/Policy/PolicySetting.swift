/// A type that a property of ``TagPolicy`` may have, and how it is written.
protocol PolicySetting: Sendable {
    /// What may stand behind a key of this type.
    static var kind: PolicyKey.Kind { get }
    /// What stands behind the key.
    var policyValue: PolicyValue { get }
    /// Reads ``policyValue``; `nil` for what is none of this type.
    init?(_ value: PolicyValue)
}

extension PolicySetting where Self: RawRepresentable & CaseIterable, RawValue == String {
    static var kind: PolicyKey.Kind { .word(allCases.map(\.rawValue)) }
    var policyValue: PolicyValue { .text(rawValue) }
    init?(_ value: PolicyValue) {
        guard case .text(let word) = value else { return nil }
        self.init(rawValue: word)
    }
}

extension AskPolicy: PolicySetting {}
extension TrackingMode: PolicySetting {}
extension RecipientsPolicy: PolicySetting {}
extension LabelPolicy: PolicySetting {}
extension PixelPolicy: PolicySetting {}
extension CharsetPolicy: PolicySetting {}
extension DKIMPolicy: PolicySetting {}
extension Privacy: PolicySetting {}

extension Bool: PolicySetting {
    static var kind: PolicyKey.Kind { .flag }
    var policyValue: PolicyValue { .flag(self) }
    init?(_ value: PolicyValue) {
        guard case .flag(let flag) = value else { return nil }
        self = flag
    }
}

extension Duration: PolicySetting {
    static var kind: PolicyKey.Kind { .time }
    var policyValue: PolicyValue { .time(self) }
    init?(_ value: PolicyValue) {
        guard case .time(let time) = value else { return nil }
        self = time
    }
}

extension BaseURL: PolicySetting {
    static var kind: PolicyKey.Kind { .address }
    var policyValue: PolicyValue { .text(description) }
    init?(_ value: PolicyValue) {
        guard case .text(let text) = value, let url = try? BaseURL(text) else { return nil }
        self = url
    }
}

extension String: PolicySetting {
    static var kind: PolicyKey.Kind { .text(limit: 500) }
    var policyValue: PolicyValue { .text(self) }
    init?(_ value: PolicyValue) {
        guard case .text(let text) = value else { return nil }
        self = text
    }
}

extension Array: PolicySetting where Element: PolicyListEntry {
    static var kind: PolicyKey.Kind { Element.listKind }
    var policyValue: PolicyValue { Element.policyValue(of: self) }
    init?(_ value: PolicyValue) {
        guard let entries = Element.entries(of: value) else { return nil }
        self = entries
    }
}
