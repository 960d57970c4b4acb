/// A copy's clicks within the time of a burst: of each source, the links it went to and when it last did.
struct BurstWindow: Sendable {
    /// What a click is in it.
    enum Step: Sendable {
        /// No burst's.
        case none
        /// The one that makes a burst: those of its source within the time of one in front of it are the burst's, too.
        case first
        /// A burst's that has begun.
        case further
    }

    /// At so many sources those that are too old are looked for; at least.
    private static let minimumLimit = 1_024
    /// Sources within the time of a burst; further ones are not told apart.
    private static let maximumSources = 65_536

    private var sources: [String: [Int: Int64]] = [:]
    private var limit = Self.minimumLimit

    /// Remembers a hit that only its time may speak against.
    mutating func note(_ hit: JudgedHit, _ burst: (links: Int, milliseconds: Int64)) -> Step {
        guard let link = hit.link, !hit.source.isEmpty else { return .none }
        let since = hit.time - burst.milliseconds
        if sources.count >= limit {
            sources = sources.filter { $0.value.values.contains { $0 >= since } }
            limit = max(Self.minimumLimit, 2 * sources.count)
        }
        guard sources.count < Self.maximumSources || sources[hit.source] != nil else { return .none }
        var links = (sources[hit.source] ?? [:]).filter { $0.value >= since }
        let before = links.count
        links[link] = max(links[link] ?? hit.time, hit.time)
        sources[hit.source] = links
        return links.count < burst.links ? .none : before < burst.links ? .first : .further
    }
}
