/// What made a request.
public enum HitClass: String, Sendable, CaseIterable {
    /// A person, as far as can be told.
    case human
    /// A mail provider's image proxy: a real open, place unknown.
    case proxy
    /// A prefetch that hides whether the mail was read.
    case privacy
    /// A mail filter.
    case scanner
    /// A browser that loads ahead.
    case prefetch
    /// HEAD.
    case head
}

/// What is known of a request.
public struct HitFacts: Sendable {
    /// Whether the method is HEAD.
    public var isHead: Bool
    /// User-Agent; `nil` where there is none.
    public var agent: String?
    /// `Sec-Purpose`, `Purpose` or `X-Moz`, whichever is there.
    public var purpose: String?

    /// Facts with all their parts.
    public init(isHead: Bool, agent: String?, purpose: String?) {
        self.isHead = isHead
        self.agent = agent
        self.purpose = purpose
    }
}

/// Tells people from machines by the request itself. Every hit is kept whatever its class.
public enum HitClassifier {
    /// Agents of image proxies: a real open each.
    private static let proxies = [
        "GoogleImageProxy", "YahooMailProxy", "YahooCacheSystem", "DuckDuckGo-Favicons", "ProtonMail",
    ]
    /// Agents that are programs.
    private static let programs = [
        "bot", "crawler", "spider", "scan", "python-requests", "go-http-client", "libwww", "monitor",
    ]

    /// The class and the evidence for it.
    public static func classify(_ facts: HitFacts) -> (HitClass, evidence: String) {
        if facts.isHead { return (.head, "method HEAD") }
        if let purpose = facts.purpose,
            purpose.lowercased().contains("prefetch") || purpose.lowercased().contains("preview")
        {
            return (.prefetch, "purpose \(purpose.prefix(40))")
        }
        guard let agent = facts.agent, !agent.isEmpty else { return (.scanner, "no user agent") }
        if let proxy = proxies.first(where: { agent.contains($0) }) { return (.proxy, "agent names \(proxy)") }
        // Apple's Mail Privacy Protection fetches with this agent and nothing behind it.
        if agent == "Mozilla/5.0" { return (.privacy, "agent is the bare Mozilla/5.0 of Mail Privacy Protection") }
        let lower = agent.lowercased()
        if let program = programs.first(where: { lower.contains($0) }) {
            return (.scanner, "agent contains \(program)")
        }
        return (.human, "nothing speaks against it")
    }
}

/// Cuts down what is kept of a reader.
public enum Pseudonym {
    /// An IPv4 address to /24, an IPv6 address to /48; anything else to nothing.
    public static func address(_ text: String) -> String {
        if text.contains(":") {
            let groups = text.split(separator: ":", omittingEmptySubsequences: false).prefix(3)
            // "::1" and the like say nothing about a network.
            return groups.contains("") ? "::/48" : groups.joined(separator: ":") + "::/48"
        }
        let numbers = text.split(separator: ".")
        return numbers.count == 4 ? numbers[..<3].joined(separator: ".") + ".0/24" : ""
    }

    /// The family of a user agent.
    public static func agent(_ text: String) -> String {
        let families = [
            "Thunderbird", "Outlook", "GoogleImageProxy", "YahooMailProxy", "Edg", "OPR", "Firefox", "Chrome", "Safari",
            "curl", "Wget",
        ]
        return families.first { text.contains($0) } ?? String(text.prefix { $0 != "/" && $0 != " " }.prefix(24))
    }
}
