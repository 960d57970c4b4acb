/// One value of a tag's policy in force, as `check-config`, console and API show it.
public struct PolicyLine: Sendable, Hashable, Encodable {
    /// The key.
    public let key: String
    /// What stands behind it.
    public let value: PolicyValue
    /// `[tag.x], line 3`, `[tracking], line 2` or `built in`.
    public let origin: String

    /// A policy's lines.
    /// - Parameter origins: where each key's value comes from; what is not there is built in.
    public static func all(of policy: TagPolicy, origins: [String: String]) -> [PolicyLine] {
        PolicyKey.all.map {
            PolicyLine(
                key: $0.name, value: $0.value(in: policy), origin: origins[$0.name] ?? "built in")
        }
    }

    private enum CodingKeys: String, CodingKey { case key, value, origin }

    /// In JSON the value is a text: as relay.conf would write it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(key, forKey: .key)
        try container.encode(value.description, forKey: .value)
        try container.encode(origin, forKey: .origin)
    }
}
