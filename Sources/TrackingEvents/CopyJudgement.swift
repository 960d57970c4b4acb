/// A hit with the verdict that its request alone gave.
struct JudgedHit: Sendable, Hashable {
    /// Milliseconds since 1970.
    var time: Int64
    /// Number of the link; `nil` for the pixel.
    var link: Int?
    /// Client and agent as they are kept; empty where nothing is.
    var source: String
    /// By the request alone.
    var request: HitVerdict
}

/// Judges the hits of one copy, in the order of time, by their requests and by when they came. Whoever stores them one by
/// one and whoever judges all of them anew do it by this: so both say the same.
struct CopyJudgement: Sendable {
    private var window = BurstWindow()

    /// No hit yet.
    init() {}

    /// The verdict on the next hit.
    /// - Parameter delivered: when the upstream took the copy.
    /// - Returns: also whether it makes a burst of hits in front of it, which are to be judged again.
    mutating func take(_ hit: JudgedHit, delivered: Int64?, _ rules: HitRules) -> (HitVerdict, BurstWindow.Step) {
        guard hit.request.basis == .nothing else { return (hit.request, .none) }
        let step = rules.burst.map { window.note(hit, $0) } ?? .none
        if let delivered, let verdict = rules.verdict(at: hit.time, delivered: delivered) { return (verdict, step) }
        switch step {
        case .none: return (hit.request, step)
        case .first, .further: return (rules.burstVerdict, step)
        }
    }

    /// The verdicts on all hits of a copy; what is remembered after it are these.
    mutating func takeAll(_ hits: [JudgedHit], delivered: Int64?, _ rules: HitRules) -> [HitVerdict] {
        self = CopyJudgement()
        var verdicts: [HitVerdict] = []
        verdicts.reserveCapacity(hits.count)
        // Of each source, the clicks that a burst to come may take in: no one is looked at twice.
        var clicks: [String: [Int]] = [:]
        for (index, hit) in hits.enumerated() {
            let (verdict, step) = take(hit, delivered: delivered, rules)
            verdicts.append(verdict)
            switch step {
            case .none:
                if hit.request.basis == .nothing, hit.link != nil, !hit.source.isEmpty {
                    clicks[hit.source, default: []].append(index)
                }
            case .first:
                let since = hit.time - (rules.burst?.milliseconds ?? 0)
                for place in (clicks.removeValue(forKey: hit.source) ?? []).reversed() {
                    guard hits[place].time >= since else { break }
                    if verdicts[place].basis == .nothing { verdicts[place] = rules.burstVerdict }
                }
            case .further: break
            }
        }
        return verdicts
    }
}
