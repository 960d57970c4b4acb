/// A key of a tag's policy and all that is known of it. The reader of relay.conf, what `check-config`, console and API
/// print, the lines of relay.conf.example and the stored decision follow from ``all``: a new key is a row there, the
/// property that it leads to, and the code that uses it.
public struct PolicyKey: Sendable {
    /// What may stand behind a key.
    public enum Kind: Sendable, Hashable {
        /// One of these words.
        case word([String])
        /// A text of at most so many characters.
        case text(limit: Int)
        case flag
        /// Texts.
        case list
        /// An http or https address.
        case address
        /// A time with a unit.
        case time
        /// The name of an `[upstream.NAME]`.
        case upstream
        /// Names with a text each.
        case parameters
    }

    /// Where it may stand.
    public enum Scope: Sendable, Hashable {
        /// In `[tracking]`, for all tags, and in `[tag.NAME]`.
        case everywhere
        /// In `[tag.NAME]`.
        case tag
    }

    /// Its name.
    public let name: String
    /// What it does, in the words of relay.conf.example.
    public let sentence: String
    /// What may stand behind it.
    public let kind: Kind
    /// Where it may stand.
    public let scope: Scope
    /// Whether a mail keeps the value that it was accepted under.
    public let isFrozen: Bool
    private let read: @Sendable (TagPolicy) -> PolicyValue
    private let write: @Sendable (PolicyValue, inout TagPolicy) -> Bool

    private init<Value: PolicySetting>(
        _ name: String, _ path: any WritableKeyPath<TagPolicy, Value> & Sendable, kind: Kind = Value.kind,
        scope: Scope = .everywhere, isFrozen: Bool = false, _ sentence: String
    ) {
        self.name = name
        self.sentence = sentence
        self.kind = kind
        self.scope = scope
        self.isFrozen = isFrozen
        read = { $0[keyPath: path].policyValue }
        write = { value, policy in
            guard let value = Value(value) else { return false }
            policy[keyPath: path] = value
            return true
        }
    }

    /// What a policy has behind it.
    public func value(in policy: TagPolicy) -> PolicyValue { read(policy) }

    /// Gives a policy the value.
    /// - Returns: `false`, and nothing has changed, where the value is none for this key.
    public func set(_ value: PolicyValue, in policy: inout TagPolicy) -> Bool { write(value, &policy) }

    /// Every key, in the order in which a policy is shown.
    public static let all = [
        PolicyKey("opens", \.opens, #""as-asked", "always" or "never""#),
        PolicyKey("clicks", \.clicks, #""as-asked", "always" or "never""#),
        PolicyKey("tracking", \.tracking, isFrozen: true, #""local", "upstream" (Direct Mail tracks) or "off""#),
        PolicyKey(
            "base-url", \.baseURL, isFrozen: true,
            "The tracking host: a name of yours that leads to web.tracking-address through a TLS proxy."),
        PolicyKey(
            "recipients", \.recipients, isFrozen: true,
            #"one transaction per recipient, or "shared": hits are then one of several's"#),
        PolicyKey(
            "text-links", \.textLinks, isFrozen: true,
            "also URLs in text/plain parts, where mail programs agree on their end"),
        PolicyKey(
            "exclude", \.exclude, isFrozen: true,
            #"host globs and URL globs: ["*.example.net", "https://shop.example.com/cart/*"]"#),
        PolicyKey("label-is-url", \.labelIsURL, isFrozen: true, #"or "leave": links whose text is their own address"#),
        PolicyKey(
            "utm", \.utm, isFrozen: true, #"{ utm_source = "news" }: added to each tracked link's target"#),
        PolicyKey("pixel", \.pixel, isFrozen: true, #""auto", "bottom" or "top""#),
        PolicyKey("charset", \.charset, isFrozen: true, #"of a rewritten part; or "keep""#),
        PolicyKey(
            "dkim-signed", \.dkimSigned, isFrozen: true,
            #"DKIM, ARC, DomainKeys; or "remove" the signatures and track"#),
        PolicyKey("upstream", \.upstream, kind: .upstream, "the [upstream.NAME] that takes the mail"),
        PolicyKey("privacy", \.privacy, isFrozen: true, #""full", "pseudonymous" or "anonymous""#),
        PolicyKey("keep-subject", \.keepsSubject, "whether console and API show the subject"),
        PolicyKey(
            "keep-source", \.keepSource, "how long a mail's text stays after its delivery; not of anonymous mail"),
        PolicyKey(
            "keep-personal", \.keepPersonal, "then addresses, subjects, clients and agents are emptied"),
        PolicyKey("keep-hits", \.keepHits, "then mails, deliveries and hits go"),
        PolicyKey("keep-figures", \.keepFigures, "then figures per day go; not before their hits"),
        PolicyKey(
            "description", \.about, scope: .tag, "what its mail is, for the people who read the console and the API"),
        PolicyKey(
            "senders", \.senders, scope: .tag, "From domains (globs) that may use it; default: all"),
    ]

    /// The keys that may stand in `[tracking]`.
    public static let ofTracking = all.filter { $0.scope == .everywhere }
}
