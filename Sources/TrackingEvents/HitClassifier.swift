import Tracking

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
        "crawler", "spider", "scan", "python-requests", "go-http-client", "libwww", "monitor",
        "curl/", "wget", "okhttp", "apache-httpclient", "java/", "python-urllib", "aiohttp", "node-fetch", "axios",
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
        // Googlebot, bingbot, "bot/1.0"; CUBOT makes telephones.
        let words = lower.split { !$0.isLetter }
        if let bot = words.first(where: { $0.hasSuffix("bot") && $0 != "cubot" }) {
            return (.scanner, "agent names \(bot.prefix(40))")
        }
        return (.human, "nothing speaks against it")
    }
}

/// Cuts down what is kept of a reader.
public enum Pseudonym {
    /// An IPv4 address to /24, an IPv6 address to /48; anything else to nothing.
    public static func address(_ text: String) -> String {
        // A zone ("%eth0") names an interface of this machine.
        guard let address = IPAddress(text.prefix { $0 != "%" }) else { return "" }
        let kept = address.octets.count == 4 ? 3 : 6
        let network = address.octets.prefix(kept) + [UInt8](repeating: 0, count: address.octets.count - kept)
        return IPAddress(octets: Array(network)).map { "\($0)/\(kept * 8)" } ?? ""
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
