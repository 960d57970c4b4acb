/// A hit with the verdict that its request alone gave.
public struct JudgedHit: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var time: Int64
    /// Number of the link; `nil` for the pixel.
    public var link: Int?
    /// Client and agent as they are kept; empty where nothing is.
    public var source: String
    /// By the request alone.
    public var request: HitVerdict

    /// A hit with all its parts.
    public init(time: Int64, link: Int?, source: String, request: HitVerdict) {
        self.time = time
        self.link = link
        self.source = source
        self.request = request
    }
}

extension HitRules {
    /// The verdicts on all hits of one copy, by their requests and by when they came.
    /// - Parameters:
    ///   - hits: in the order of time.
    ///   - delivered: when the upstream took the copy.
    public func judge(_ hits: [JudgedHit], delivered: Int64?) -> [HitVerdict] {
        var verdicts = hits.map(\.request)
        for (index, hit) in hits.enumerated() where hit.request == .human {
            if let delivered, let verdict = verdict(at: hit.time, delivered: delivered) { verdicts[index] = verdict }
        }
        guard let burst else { return verdicts }
        var windows: [String: BurstWindow] = [:]
        for (index, hit) in hits.enumerated() where hit.request == .human && !hit.source.isEmpty {
            guard let link = hit.link else { continue }
            windows[hit.source, default: BurstWindow()].add(index, link, since: hit.time - burst.milliseconds, hits)
            guard windows[hit.source]?.links ?? 0 >= burst.links else { continue }
            for place in windows[hit.source]?.unmarked() ?? [] where verdicts[place] == .human {
                verdicts[place] = burstVerdict
            }
            windows[hit.source]?.mark()
        }
        return verdicts
    }
}

/// The clicks of one source within the time of a burst; each comes and goes once.
private struct BurstWindow {
    private var clicks: [Int] = []
    private var first = 0
    private var marked = 0
    private var counts: [Int: Int] = [:]

    /// Different links in it.
    var links: Int { counts.count }

    mutating func add(_ index: Int, _ link: Int, since start: Int64, _ hits: [JudgedHit]) {
        clicks.append(index)
        counts[link, default: 0] += 1
        while hits[clicks[first]].time < start {
            let old = hits[clicks[first]].link ?? 0
            counts[old] = counts[old] == 1 ? nil : (counts[old] ?? 1) - 1
            first += 1
        }
    }

    /// Those in it that have not been called a burst before.
    func unmarked() -> [Int] { Array(clicks[max(first, marked)...]) }
    mutating func mark() { marked = clicks.count }
}
