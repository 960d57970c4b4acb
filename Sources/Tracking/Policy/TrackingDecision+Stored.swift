extension TrackingDecision {
    /// Why octets are no decision.
    public enum Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
        /// No version has written them.
        case damaged
        /// A later version has; this one would treat the mail otherwise than was decided.
        case later(String)

        /// What is wrong.
        public var description: String {
            switch self {
            case .damaged: "the decision on its tracking is damaged"
            case .later(let what):
                "a later version of tracerelay decided on its tracking (\(what)); start that one again"
            }
        }
    }

    /// The form that is written. A new key needs none: keys stand with their names, and one that is not there has its
    /// built-in value, which therefore must be what was done before there was the key.
    private static let form = "3"
    /// What the form before wrote one by one, without names.
    private static let secondForm = [
        "base-url", "recipients", "text-links", "label-is-url", "pixel", "charset", "dkim-signed", "privacy",
    ]
    private static let frozen = PolicyKey.all.filter(\.isFrozen)

    /// The decision as octets: fields, each closed by a NUL, which none can hold; in front of each list how many follow.
    public func encoded() -> [UInt8] {
        var fields = StoredFields()
        for text in [Self.form, tag.description, tagID.description, opens ? "1" : "0", clicks ? "1" : "0"] {
            fields.put(text)
        }
        fields.put(String(keyID))
        fields.put(list: warnings)
        fields.put(list: trackingHosts)
        fields.put(String(Self.frozen.count))
        for key in Self.frozen {
            fields.put(key.name)
            fields.put(list: key.value(in: policy).fields)
        }
        return fields.bytes
    }

    /// Reads what this version or one before it wrote.
    /// - Throws: ``Unreadable``.
    public init(encoded bytes: [UInt8]) throws(Unreadable) {
        var fields = StoredFields.Reader(bytes)
        switch try fields.text() {
        case "2": try self.init(secondForm: &fields)
        case Self.form: try self.init(thirdForm: &fields)
        case let other:
            guard let number = UInt(other), number > 3 else { throw .damaged }
            throw .later("form \(number)")
        }
        guard fields.isAtEnd else { throw .damaged }
    }

    private init(thirdForm fields: inout StoredFields.Reader) throws(Unreadable) {
        let tag = try fields.value { TagName($0) }
        let id = try fields.value { TagID($0) }
        let opens = try fields.flag()
        let clicks = try fields.flag()
        let keyID = try fields.value { KeyID($0) }
        let warnings = try fields.list()
        let hosts = try fields.list()
        var values: [(name: String, fields: [String])] = []
        for _ in 0..<(try fields.count()) { values.append((try fields.text(), try fields.list())) }
        let policy = try Self.policy(values)
        self.init(
            tag: tag, id: id, opens: opens, clicks: clicks, policy: policy, keyID: keyID, warnings: warnings,
            trackingHosts: hosts)
    }

    /// As d52f9e9 wrote it: the tag by its name alone.
    private init(secondForm fields: inout StoredFields.Reader) throws(Unreadable) {
        let tag = try fields.value { TagName($0) }
        let opens = try fields.flag()
        let clicks = try fields.flag()
        var values = [("tracking", [try fields.text()])]
        let keyID = try fields.value { KeyID($0) }
        for name in Self.secondForm { values.append((name, [try fields.text()])) }
        values.append(("exclude", try fields.list()))
        values.append(("utm", try fields.list()))
        let warnings = try fields.list()
        let hosts = try fields.list()
        let policy = try Self.policy(values)
        self.init(
            tag: tag, opens: opens, clicks: clicks, policy: policy, keyID: keyID, warnings: warnings,
            trackingHosts: hosts)
    }

    private static func policy(_ values: [(name: String, fields: [String])]) throws(Unreadable) -> TagPolicy {
        guard let base = values.first(where: { $0.name == "base-url" })?.fields.first, let url = try? BaseURL(base)
        else { throw .damaged }
        var policy = TagPolicy(baseURL: url)
        for (name, fields) in values {
            guard let key = frozen.first(where: { $0.name == name }) else { throw .later("its key \(name)") }
            guard let value = PolicyValue(fields: fields, of: key.kind) else { throw .damaged }
            guard key.set(value, in: &policy) else { throw .later("\(name) = \(value)") }
        }
        return policy
    }
}
