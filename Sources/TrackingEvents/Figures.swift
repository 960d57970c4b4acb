/// One of the counts the console shows. The raw value is its column's and its JSON field's name.
public enum Figure: String, Sendable, CaseIterable {
    /// Mails that were accepted.
    case accepted
    /// Accepted mails that were to be tracked.
    case tracked
    /// Recipients' copies that the upstream took.
    case sent
    /// Attempts that were to be repeated, not what waits now: a copy may be deferred many times.
    case deferred
    /// Recipients' copies that will never arrive.
    case failed
    /// Pixel hits that no machine made, and ``inferredOpens``: never fewer than ``uniqueOpens``.
    case opens
    /// Copies opened for the first time.
    case uniqueOpens = "unique_opens"
    /// Those of ``uniqueOpens`` that only a click tells of.
    case inferredOpens = "inferred_opens"
    /// Link hits that no machine made, same link and source within 60 minutes once.
    case clicks
    /// Copies clicked for the first time.
    case uniqueClicks = "unique_clicks"
    /// Tracked copies that were delivered: what rates are of.
    case copies
    /// Of ``copies``, those that were opened, whenever; counted when the copy was delivered.
    case copiesOpened = "copies_opened"
    /// Of ``copies``, those that were clicked, whenever; counted when the copy was delivered.
    case copiesClicked = "copies_clicked"
    /// Hits by class.
    case human, proxy, privacy, scanner, prefetch, head

    /// The count of hits of a class.
    public init(_ hitClass: HitClass) {
        self =
            switch hitClass {
            case .human: .human
            case .proxy: .proxy
            case .privacy: .privacy
            case .scanner: .scanner
            case .prefetch: .prefetch
            case .head: .head
            }
    }

    /// Its place among all figures.
    public var index: Int { Self.places[self] ?? 0 }
    private static let places = Dictionary(uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}

/// All figures of a span of time.
public struct Figures: Sendable, Hashable {
    /// By ``Figure/index``.
    public private(set) var counts = [Int64](repeating: 0, count: Figure.allCases.count)

    /// Nothing happened.
    public init() {}

    /// Takes counts in the order of ``Figure/allCases``; missing ones are 0.
    public init(counts: [Int64]) {
        for (index, count) in counts.prefix(self.counts.count).enumerated() { self.counts[index] = count }
    }

    /// One figure.
    public subscript(_ figure: Figure) -> Int64 {
        get { counts[figure.index] }
        set { counts[figure.index] = newValue }
    }

    /// Whether nothing happened.
    public var isZero: Bool { counts.allSatisfy { $0 == 0 } }

    /// Opened copies per delivered tracked copy, 0 to 1; `nil` where there is no such copy.
    public var openRate: Double? { rate(.copiesOpened) }
    /// Clicked copies per delivered tracked copy, 0 to 1; `nil` where there is no such copy.
    public var clickRate: Double? { rate(.copiesClicked) }

    private func rate(_ figure: Figure) -> Double? {
        self[.copies] > 0 ? Double(self[figure]) / Double(self[.copies]) : nil
    }

    /// Adds another span's figures.
    public static func += (left: inout Self, right: Self) {
        for index in left.counts.indices { left.counts[index] += right.counts[index] }
    }
}

/// What something that happened adds to the figures.
public struct FigureChange: Sendable, Hashable {
    /// The minute and the day it counts in.
    public var moment: Moment
    /// What is counted.
    public var figure: Figure

    /// A count of one.
    public init(_ figure: Figure, at moment: Moment) {
        self.figure = figure
        self.moment = moment
    }
}

/// What a click adds to its link's figures.
public struct LinkChange: Sendable, Hashable {
    /// The day it counts in.
    public var moment: Moment
    /// The target without query and fragment.
    public var page: String
    /// Whether it is the copy's first on this page.
    public var isFirst: Bool
}
