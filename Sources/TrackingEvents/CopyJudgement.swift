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
        var windows: [String: [Int]] = [:]
        for (index, hit) in hits.enumerated() where hit.request == .human && hit.link != nil && !hit.source.isEmpty {
            var window = windows[hit.source, default: []]
            let start = hit.time - burst.milliseconds
            window.removeAll { hits[$0].time < start }
            window.append(index)
            windows[hit.source] = window
            guard Set(window.map { hits[$0].link }).count >= burst.links else { continue }
            for place in window where verdicts[place] == .human { verdicts[place] = burstVerdict }
        }
        return verdicts
    }
}
