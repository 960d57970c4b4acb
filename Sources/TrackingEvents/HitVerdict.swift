/// What a verdict rests on. Stored beside its evidence, which is a sentence for people and may be worded anew.
public enum HitBasis: Int64, Sendable, CaseIterable {
    /// A line of the rules that fits the request.
    case line = 0
    /// That no line fits: when the hit came may still speak against it.
    case nothing = 1
    /// The line on requests without a user agent.
    case noAgent = 2
    /// The time of the copy's delivery.
    case delivery = 3
    /// Other clicks at the same time.
    case burst = 4
}

/// A class and why.
public struct HitVerdict: Sendable, Hashable {
    /// The class.
    public var hitClass: HitClass
    /// The line of the rules that fits, or that none does.
    public var evidence: String
    /// What it rests on.
    public var basis: HitBasis

    /// A verdict.
    public init(_ hitClass: HitClass, _ evidence: String, _ basis: HitBasis = .line) {
        self.hitClass = hitClass
        self.evidence = evidence
        self.basis = basis
    }

    /// What is left where no rule fits.
    public static let human = HitVerdict(.human, "nothing speaks against it", .nothing)

    /// That there is no user agent.
    static func noAgent(_ hitClass: HitClass) -> HitVerdict { HitVerdict(hitClass, "no user agent", .noAgent) }

    /// The verdict by the request alone, where this one may be by the time.
    public var byRequest: HitVerdict {
        switch basis {
        case .delivery, .burst: .human
        case .line, .nothing, .noAgent: self
        }
    }
}

extension HitVerdict {
    private static let noAgentWord = "no-agent"

    /// Reads ``said``.
    public init?(said text: String) {
        let words = text.split(separator: " ", maxSplits: 1).map(String.init)
        guard words.count == 2, let hitClass = HitClass(rawValue: words[0]) else { return nil }
        self = words[1] == Self.noAgentWord ? .noAgent(hitClass) : HitVerdict(hitClass, words[1])
    }

    /// A verdict on an agent as it is kept where the agent is not: the line of the rules.
    public var said: String { "\(hitClass.rawValue) \(basis == .noAgent ? Self.noAgentWord : evidence)" }
}
