/// What one hit counted as: kept with the hit, so that exactly this can be taken back.
public struct HitCount: OptionSet, Sendable, Hashable {
    /// Bits, as they are stored.
    public let rawValue: Int64

    /// Bits that were stored.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// An open: of the pixel, or ``inferredOpen``.
    public static let open = HitCount(rawValue: 1)
    /// The copy's first open.
    public static let uniqueOpen = HitCount(rawValue: 2)
    /// That open only this click tells of.
    public static let inferredOpen = HitCount(rawValue: 4)
    /// A click that is no repetition.
    public static let click = HitCount(rawValue: 8)
    /// The copy's first click.
    public static let uniqueClick = HitCount(rawValue: 16)
    /// The copy's first click on this page.
    public static let firstOnPage = HitCount(rawValue: 32)
    /// Later clicks are compared with this one.
    public static let remembered = HitCount(rawValue: 64)

    /// What a hit counts as whose copy is not kept: no copy is unique by it.
    public static func anonymous(_ hit: CountedHit) -> HitCount {
        hit.hitClass.isMachine ? [] : hit.link == nil ? .open : .click
    }

    /// What that adds to the figures of the hit's own day; those of its copy's delivery are the ledger's.
    public func changes(of hit: CountedHit) -> HitChanges {
        var changes = HitChanges(figures: [FigureChange(Figure(hit.hitClass), at: hit.moment)])
        let figures: [(HitCount, Figure)] = [
            (.open, .opens), (.uniqueOpen, .uniqueOpens), (.inferredOpen, .inferredOpens), (.click, .clicks),
            (.uniqueClick, .uniqueClicks),
        ]
        for (bit, figure) in figures where contains(bit) {
            changes.figures.append(FigureChange(figure, at: hit.moment))
        }
        if contains(.click) {
            changes.link = LinkChange(
                moment: hit.moment, page: CopyLedger.page(of: hit.url), isFirst: contains(.firstOnPage))
        }
        return changes
    }
}

/// Everything a hit adds.
public struct HitChanges: Sendable, Hashable {
    /// To the figures of its tag.
    public var figures: [FigureChange] = []
    /// To those of its link.
    public var link: LinkChange?

    /// Nothing.
    public init(figures: [FigureChange] = []) { self.figures = figures }
}
