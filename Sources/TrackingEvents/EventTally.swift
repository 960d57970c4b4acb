/// What a group of events adds to the totals; written once, at the end of its transaction.
public struct EventTally {
    /// Different pages of a tag and day that are told apart; the rest is counted together.
    static let maximumPages = 1_000
    static let otherPages = "(other pages)"

    /// Which figures.
    public struct Bucket: Hashable, Sendable {
        /// Whether it is a day, such as 20261124, or a minute since 1970.
        public let isDay: Bool
        /// Which day or minute.
        public let number: Int64
        /// Of which tag.
        public let tag: String
    }
    /// Which page on which day.
    public struct Page: Hashable, Sendable {
        /// Of which tag.
        public let tag: String
        /// Which day.
        public let day: Int64
        /// A link's target without query.
        public internal(set) var page: String
    }
    /// Clicks on a page.
    public struct Clicks: Hashable, Sendable {
        /// In all.
        public internal(set) var count: Int64 = 0
        /// Those that were their copy's first on it.
        public internal(set) var unique: Int64 = 0
    }
    /// Which reason on which day.
    public struct Reason: Hashable, Sendable {
        /// Of which tag.
        public let tag: String
        /// Which day.
        public let day: Int64
        /// `untracked`, `passed-through` or `link`.
        public let kind: String
        /// The reason.
        public let reason: String
    }

    private var figures: [Bucket: Figures] = [:]
    private var pages: [Page: Clicks] = [:]
    private var reasons: [Reason: Int64] = [:]

    /// - Parameter sign: -1 takes back what was added before.
    mutating func add(_ change: FigureChange, _ tag: String, _ sign: Int64 = 1) {
        let moment = change.moment
        figures[Bucket(isDay: false, number: moment.time / 60_000, tag: tag), default: Figures()][change.figure] += sign
        figures[Bucket(isDay: true, number: moment.day, tag: tag), default: Figures()][change.figure] += sign
    }

    mutating func add(_ changes: HitChanges, _ tag: String, _ sign: Int64 = 1) {
        for change in changes.figures { add(change, tag, sign) }
        guard let link = changes.link else { return }
        let page = Page(tag: tag, day: link.moment.day, page: link.page)
        pages[page, default: Clicks()].count += sign
        if link.isFirst { pages[page, default: Clicks()].unique += sign }
    }

    mutating func addReason(_ reason: String, kind: String, _ tag: String, day: Int64, count: Int64 = 1) {
        reasons[Reason(tag: tag, day: day, kind: kind, reason: reason), default: 0] += count
    }

    /// What a delivery adds, or takes back.
    mutating func add(_ delivery: CountedDelivery, _ tag: String, _ sign: Int64 = 1) {
        let figure: Figure =
            switch delivery.status {
            case "sent": .sent
            case "bounced", "expired": .failed
            default: .deferred
            }
        add(FigureChange(figure, at: delivery.moment), tag, sign)
        guard figure == .sent else { return }
        let day = delivery.moment.day
        if !delivery.passedThrough.isEmpty {
            addReason(delivery.passedThrough, kind: "passed-through", tag, day: day, count: sign)
        }
        for (outcome, count) in delivery.links {
            addReason(outcome, kind: "link", tag, day: day, count: sign * Int64(count))
        }
    }

    mutating func write(to store: some EventTransaction) throws {
        for (bucket, figures) in figures where !figures.isZero { try store.add(figures, to: bucket) }
        for (page, clicks) in pages where clicks.count != 0 || clicks.unique != 0 {
            try Self.write(clicks, page, store)
        }
        for (reason, count) in reasons where count != 0 { try store.add(count, to: reason) }
        clear()
    }

    private static func write(_ clicks: Clicks, _ page: Page, _ store: some EventTransaction) throws {
        if try store.add(clicks, to: page) { return }
        var page = page
        if try clicks.count <= 0 || store.pageCount(tag: page.tag, day: page.day) >= maximumPages {
            page.page = otherPages
            if try store.add(clicks, to: page) { return }
        }
        try store.insert(page, clicks)
    }

    mutating func clear() {
        figures.removeAll(keepingCapacity: true)
        pages.removeAll(keepingCapacity: true)
        reasons.removeAll(keepingCapacity: true)
    }
}
