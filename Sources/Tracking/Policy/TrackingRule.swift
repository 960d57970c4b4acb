/// What is known of a mail when it is decided whether to track it.
public struct MessageFacts: Sendable {
    /// The listener it came in by, as configured (`127.0.0.1:2525`).
    public var listener = ""
    /// The client's address.
    public var client: IPAddress?
    /// The name the client authenticated as.
    public var authUser: String?
    /// The envelope's sender; empty for `<>`.
    public var envelopeSender = ""
    /// Domain of the From field's first address, in lower case.
    public var fromDomain: String?
    /// Domains of the envelope's recipients, in lower case.
    public var recipientDomains: [String] = []
    /// The body of each field, unfolded and with encoded words decoded, under its name in lower case; only the names in
    /// ``TrackingPolicies/neededHeaderNames`` have to be there.
    public var header: [String: [String]] = [:]
    /// The body of `X-AliDM-Trace` as it came, folding included.
    public var traceField: [UInt8]?

    /// Facts of an unknown mail.
    public init() {}
}

/// A `[[rule]]`: assigns a tag to mail from mailers that cannot set a header. All conditions that are there must hold.
public struct TrackingRule: Sendable, Hashable {
    /// Where the rule stands, for reports.
    public var origin = ""
    /// The listener's address as configured.
    public var listener: String?
    /// The client's network.
    public var network: IPNetwork?
    /// The authenticated name.
    public var authUser: Glob?
    /// The envelope's sender.
    public var envelopeSender: Glob?
    /// The From field's domain.
    public var fromDomain: Glob?
    /// The domain of at least one recipient.
    public var recipientDomain: Glob?
    /// The subject, decoded.
    public var subject: Glob?
    /// A field's name in lower case and its decoded body.
    public var header: [String: Glob] = [:]
    /// The tag it assigns.
    public var tag: TagName
    /// Whether it asks for a pixel.
    public var opens: Bool
    /// Whether it asks for tracked links.
    public var clicks: Bool
    /// Whether it wins over the mail's own header.
    public var override: Bool

    /// A rule without conditions.
    public init(tag: TagName, opens: Bool = true, clicks: Bool = true, override: Bool = false) {
        self.tag = tag
        self.opens = opens
        self.clicks = clicks
        self.override = override
    }

    func matches(_ facts: MessageFacts) -> Bool {
        if let listener, listener != facts.listener { return false }
        if let network {
            guard let client = facts.client, network.contains(client) else { return false }
        }
        guard Self.fits(authUser, facts.authUser), Self.fits(envelopeSender, facts.envelopeSender),
            Self.fits(fromDomain, facts.fromDomain)
        else { return false }
        if let recipientDomain, !facts.recipientDomains.contains(where: recipientDomain.matches(_:)) { return false }
        if let subject, !Self.fits(subject, anyOf: facts.header["subject"]) { return false }
        return header.allSatisfy { Self.fits($0.value, anyOf: facts.header[$0.key]) }
    }

    private static func fits(_ glob: Glob?, _ text: String?) -> Bool {
        guard let glob else { return true }
        return text.map { glob.matches($0) } ?? false
    }

    private static func fits(_ glob: Glob, anyOf texts: [String]?) -> Bool {
        texts?.contains { glob.matches($0) } ?? false
    }
}
