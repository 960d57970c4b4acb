/// A hit as the figures see it.
public struct CountedHit: Sendable, Hashable {
    /// When it came, and the day it counts in.
    public var moment: Moment
    /// Number of the link; `nil` for the pixel.
    public var link: Int?
    /// The link's target.
    public var url: String
    /// Client and agent as they are kept; empty where nothing is.
    public var source: String
    /// What made it.
    public var hitClass: HitClass

    /// A hit with all its parts.
    public init(moment: Moment, link: Int?, url: String, source: String, hitClass: HitClass) {
        self.moment = moment
        self.link = link
        self.url = url
        self.source = source
        self.hitClass = hitClass
    }
}

/// The accounts of one copy. Fed with its delivery and its hits in the order of time it says what each counts as. What a
/// hit counted as is kept with it: so a running total and a recount of the raw hits are the same by construction, what
/// was added can be taken back exactly, and the accounts go on after a restart where they were.
public struct CopyLedger: Sendable, Hashable {
    /// Same link and source within this time count once.
    public static let clickPause: Int64 = 3_600_000
    /// Clicks of the last ``clickPause`` that are told apart; what comes beyond is counted each time.
    public static let maximumClicks = 4_096

    private struct Click: Sendable, Hashable {
        let link: Int
        let source: String
    }

    /// When the upstream took the tracked copy.
    public private(set) var delivered: Moment?
    /// Its first open.
    public private(set) var opened: Int64?
    /// Whether a click came before any pixel.
    public private(set) var isOpenInferred = false
    /// Its first click.
    public private(set) var clicked: Int64?
    /// Its latest hit.
    public private(set) var lastHit: Int64?
    private var lastClicks: [Click: Int64] = [:]
    /// Until when none of ``lastClicks`` grows old, where there is no room for another.
    private var fullUntil: Int64?
    private var clickedPages: Set<String> = []

    /// A copy of which nothing is known.
    public init() {}

    /// A copy as it was stored; its clicks are to be remembered.
    public init(delivered: Moment?, opened: Int64?, isOpenInferred: Bool, clicked: Int64?, lastHit: Int64?) {
        self.delivered = delivered
        self.opened = opened
        self.isOpenInferred = isOpenInferred
        self.clicked = clicked
        self.lastHit = lastHit
    }

    /// The upstream took it; only the first time counts.
    public mutating func deliver(at moment: Moment) -> [FigureChange] {
        guard delivered == nil else { return [] }
        delivered = moment
        return deliveryChanges
    }

    /// What the delivery adds, with what has become of the copy since.
    public var deliveryChanges: [FigureChange] {
        guard let delivered else { return [] }
        var changes = [FigureChange(.copies, at: delivered)]
        if opened != nil { changes.append(FigureChange(.copiesOpened, at: delivered)) }
        if clicked != nil { changes.append(FigureChange(.copiesClicked, at: delivered)) }
        return changes
    }

    /// Counts a hit that is not older than ``lastHit``.
    /// - Returns: what it counts as, and everything that adds.
    public mutating func take(_ hit: CountedHit) -> (count: HitCount, changes: HitChanges) {
        let count = judge(hit)
        var changes = count.changes(of: hit)
        if let delivered {
            if count.contains(.uniqueOpen) { changes.figures.append(FigureChange(.copiesOpened, at: delivered)) }
            if count.contains(.uniqueClick) { changes.figures.append(FigureChange(.copiesClicked, at: delivered)) }
        }
        return (count, changes)
    }

    private mutating func judge(_ hit: CountedHit) -> HitCount {
        let time = hit.moment.time
        lastHit = max(lastHit ?? time, time)
        guard !hit.hitClass.isMachine else { return [] }
        guard let link = hit.link else {
            guard opened == nil else { return .open }
            opened = time
            return [.open, .uniqueOpen]
        }
        guard var count = count(Click(link: link, source: hit.source), at: time) else { return [] }
        if clickedPages.insert(Self.page(of: hit.url)).inserted { count.insert(.firstOnPage) }
        if opened == nil {
            opened = time
            isOpenInferred = true
            count.formUnion([.open, .uniqueOpen, .inferredOpen])
        }
        if clicked == nil {
            clicked = time
            count.insert(.uniqueClick)
        }
        return count
    }

    /// Takes a stored click into account without counting it again: one with ``HitCount/remembered`` that is younger than
    /// ``clickPause``, or one with ``HitCount/firstOnPage``.
    public mutating func remember(_ hit: CountedHit, _ count: HitCount) {
        guard let link = hit.link else { return }
        if count.contains(.remembered) { lastClicks[Click(link: link, source: hit.source)] = hit.moment.time }
        if count.contains(.firstOnPage) { clickedPages.insert(Self.page(of: hit.url)) }
    }

    /// What a click counts as; `nil` for a repetition. A source that is not kept cannot be told from another: each of its
    /// clicks counts.
    private mutating func count(_ click: Click, at time: Int64) -> HitCount? {
        guard !click.source.isEmpty else { return .click }
        if let last = lastClicks[click], time < last + Self.clickPause { return nil }
        if lastClicks.count >= Self.maximumClicks {
            if let fullUntil, time < fullUntil { return .click }
            lastClicks = lastClicks.filter { $0.value > time - Self.clickPause }
            let isFull = lastClicks.count >= Self.maximumClicks
            fullUntil = isFull ? lastClicks.values.min().map { $0 + Self.clickPause } : nil
            if isFull { return .click }
        }
        lastClicks[click] = time
        return [.click, .remembered]
    }

    /// A link's address for the list of links: without query and fragment, which may be the recipient's own.
    public static func page(of url: String) -> String {
        String(
            decoding: url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }.prefix(500), as: UTF8.self)
    }
}
