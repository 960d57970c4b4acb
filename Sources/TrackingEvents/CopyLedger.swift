/// A hit as the figures see it.
public struct CountedHit: Sendable, Hashable {
    /// Milliseconds since 1970.
    public var time: Int64
    /// Number of the link; `nil` for the pixel.
    public var link: Int?
    /// The link's target.
    public var url: String
    /// Client and agent as they are kept; empty where nothing is.
    public var source: String
    /// What made it.
    public var hitClass: HitClass

    /// A hit with all its parts.
    public init(time: Int64, link: Int?, url: String, source: String, hitClass: HitClass) {
        self.time = time
        self.link = link
        self.url = url
        self.source = source
        self.hitClass = hitClass
    }
}

/// Everything a hit adds.
public struct HitChanges: Sendable, Hashable {
    /// To the figures of its tag.
    public var figures: [FigureChange] = []
    /// To those of its link.
    public var link: LinkChange?
}

/// The accounts of one recipient's copy. Fed with its delivery and its hits in the order of time it says what each adds
/// to the figures, so that a running total and a recount of the raw hits are the same by construction.
public struct CopyLedger: Sendable, Hashable {
    /// Same link and source within this time count once.
    public static let clickPause: Int64 = 3_600_000
    /// Sources that are remembered.
    private static let maximumSources = 4_096

    private struct Click: Sendable, Hashable {
        let link: Int
        let source: String
    }

    /// When the upstream took the tracked copy.
    public private(set) var delivered: Int64?
    /// Its first open.
    public private(set) var opened: Int64?
    /// Whether a click came before any pixel.
    public private(set) var isOpenInferred = false
    /// Its first click.
    public private(set) var clicked: Int64?
    /// Its latest hit.
    public private(set) var lastHit: Int64?
    private var lastClicks: [Click: Int64] = [:]
    private var clickedPages: Set<String> = []

    /// A copy of which nothing is known.
    public init() {}

    /// A copy as it was stored; its clicks are to be ``remember(_:)``ed.
    public init(delivered: Int64?, opened: Int64?, isOpenInferred: Bool, clicked: Int64?, lastHit: Int64?) {
        self.delivered = delivered
        self.opened = opened
        self.isOpenInferred = isOpenInferred
        self.clicked = clicked
        self.lastHit = lastHit
    }

    /// The upstream took it; only the first time counts.
    public mutating func deliver(at time: Int64) -> [FigureChange] {
        guard delivered == nil else { return [] }
        delivered = time
        var changes = [FigureChange(.copies, at: time)]
        if opened != nil { changes.append(FigureChange(.copiesOpened, at: time)) }
        if clicked != nil { changes.append(FigureChange(.copiesClicked, at: time)) }
        return changes
    }

    /// Counts a hit that is not older than ``lastHit``.
    public mutating func take(_ hit: CountedHit) -> HitChanges {
        lastHit = max(lastHit ?? hit.time, hit.time)
        var changes = HitChanges(figures: [FigureChange(Figure(hit.hitClass), at: hit.time)])
        guard !hit.hitClass.isMachine else { return changes }
        guard let link = hit.link else {
            changes.figures.append(FigureChange(.opens, at: hit.time))
            open(at: hit.time, isInferred: false, &changes)
            return changes
        }
        guard count(Click(link: link, source: hit.source), at: hit.time) else { return changes }
        changes.figures.append(FigureChange(.clicks, at: hit.time))
        let page = Self.page(of: hit.url)
        changes.link = LinkChange(time: hit.time, page: page, isFirst: clickedPages.insert(page).inserted)
        open(at: hit.time, isInferred: true, &changes)
        if clicked == nil {
            clicked = hit.time
            changes.figures.append(FigureChange(.uniqueClicks, at: hit.time))
            if let delivered { changes.figures.append(FigureChange(.copiesClicked, at: delivered)) }
        }
        return changes
    }

    /// Takes a stored click into account without counting it again.
    public mutating func remember(_ hit: CountedHit) {
        guard !hit.hitClass.isMachine, let link = hit.link else { return }
        if count(Click(link: link, source: hit.source), at: hit.time) { clickedPages.insert(Self.page(of: hit.url)) }
    }

    /// What a hit adds whose copy is not kept: it is counted, and no copy is unique by it.
    public static func anonymous(_ hit: CountedHit) -> HitChanges {
        var changes = HitChanges(figures: [FigureChange(Figure(hit.hitClass), at: hit.time)])
        guard !hit.hitClass.isMachine else { return changes }
        changes.figures.append(FigureChange(hit.link == nil ? .opens : .clicks, at: hit.time))
        if hit.link != nil { changes.link = LinkChange(time: hit.time, page: page(of: hit.url), isFirst: false) }
        return changes
    }

    private mutating func open(at time: Int64, isInferred: Bool, _ changes: inout HitChanges) {
        guard opened == nil else { return }
        opened = time
        isOpenInferred = isInferred
        changes.figures.append(FigureChange(.uniqueOpens, at: time))
        if isInferred { changes.figures.append(FigureChange(.inferredOpens, at: time)) }
        if let delivered { changes.figures.append(FigureChange(.copiesOpened, at: delivered)) }
    }

    /// Whether a click counts. A source that is not kept cannot be told from another: each of its clicks counts.
    private mutating func count(_ click: Click, at time: Int64) -> Bool {
        guard !click.source.isEmpty else { return true }
        if let last = lastClicks[click], time < last + Self.clickPause { return false }
        if lastClicks.count >= Self.maximumSources {
            lastClicks = lastClicks.filter { $0.value > time - Self.clickPause }
            if lastClicks.count >= Self.maximumSources { lastClicks.removeAll() }
        }
        lastClicks[click] = time
        return true
    }

    /// A link's address for the list of links: without query and fragment, which may be the recipient's own.
    public static func page(of url: String) -> String {
        String(
            decoding: url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }.prefix(500), as: UTF8.self)
    }
}
