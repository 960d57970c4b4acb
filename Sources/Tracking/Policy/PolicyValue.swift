/// What stands behind a key of a policy, whatever its kind.
public enum PolicyValue: Sendable, Hashable, CustomStringConvertible {
    case text(String)
    case flag(Bool)
    case list([String])
    case time(Duration)
    case parameters([CampaignParameter])

    /// The value as relay.conf would write it.
    public var description: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .flag(let flag): "\(flag)"
        case .list(let entries): "[\(entries.map(Self.quoted).joined(separator: ", "))]"
        case .time(let time): Self.quoted(Quantity.text(time))
        case .parameters(let all): "{\(all.map { "\($0.name) = \(Self.quoted($0.value))" }.joined(separator: ", "))}"
        }
    }

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }

    /// The value as texts, for a stored decision.
    var fields: [String] {
        switch self {
        case .text(let text): [text]
        case .flag(let flag): [flag ? "1" : "0"]
        case .list(let entries): entries
        case .time(let time): [String(Int64(time / .milliseconds(1)))]
        case .parameters(let all): all.flatMap { [$0.name, $0.value] }
        }
    }

    /// Reads ``fields`` of a key of this kind; `nil` for anything else.
    init?(fields: [String], of kind: PolicyKey.Kind) {
        switch kind {
        case .word, .text, .address, .upstream:
            guard fields.count == 1 else { return nil }
            self = .text(fields[0])
        case .flag:
            guard fields == ["0"] || fields == ["1"] else { return nil }
            self = .flag(fields == ["1"])
        case .list: self = .list(fields)
        case .time:
            guard fields.count == 1, let milliseconds = Int64(fields[0]) else { return nil }
            self = .time(.milliseconds(milliseconds))
        case .parameters:
            guard fields.count.isMultiple(of: 2) else { return nil }
            self = .parameters(
                stride(from: 0, to: fields.count, by: 2).map {
                    CampaignParameter(name: fields[$0], value: fields[$0 + 1])
                })
        }
    }
}
