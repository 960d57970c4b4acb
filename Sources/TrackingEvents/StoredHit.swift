/// A hit as it is stored.
public struct StoredHit: Sendable, Hashable {
    /// Its place in the store.
    public let sequence: Int64
    /// As the figures see it.
    public internal(set) var counted: CountedHit
    /// The class and why.
    public internal(set) var verdict: HitVerdict
    /// What its request said, as far as it is kept.
    public let facts: HitFacts
    /// What it counts as.
    public internal(set) var count: HitCount
    /// What the rules said of the whole agent; `nil` where that is kept, or no rule spoke.
    public let said: HitVerdict?

    /// A hit with all its parts.
    public init(
        sequence: Int64, moment: Moment, link: Int?, url: String, facts: HitFacts, said: HitVerdict?,
        verdict: HitVerdict, count: HitCount
    ) {
        self.sequence = sequence
        self.facts = facts
        self.said = said
        self.verdict = verdict
        self.count = count
        counted = CountedHit(
            moment: moment, link: link, url: url, source: Self.source(facts.client, facts.agent),
            hitClass: verdict.hitClass)
    }

    /// Whom clicks are told apart by; empty where nothing is kept.
    static func source(_ client: String, _ agent: String) -> String {
        client.isEmpty && agent.isEmpty ? "" : "\(client) \(agent)"
    }

    var judged: JudgedHit {
        JudgedHit(
            time: counted.moment.time, link: counted.link, source: counted.source, request: verdict.byRequest)
    }

    /// The same hit with another verdict and what it counts as by it.
    func with(_ verdict: HitVerdict, _ count: HitCount) -> StoredHit {
        var hit = self
        hit.verdict = verdict
        hit.counted.hitClass = verdict.hitClass
        hit.count = count
        return hit
    }
}
