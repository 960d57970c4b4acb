/// A delivery as it is stored.
public struct KeptDelivery: Sendable, Hashable {
    /// Makes it unique, whatever the journal says.
    public let number: Int64
    /// What happened; without a reply where that may name somebody.
    public internal(set) var record: DeliveryRecord
    /// The day it counts in.
    public let day: Int64
    /// Whether nothing is kept that tells whose it is.
    public let isNobodys: Bool
}

/// What a delivery counts by.
public struct CountedDelivery: Sendable, Hashable {
    /// When it was, and the day it counts in.
    public var moment: Moment
    /// `sent`, `deferred`, `bounced`, `expired` or `uncertain`.
    public var status: String
    /// Why the mail went out with its body as it was, or empty.
    public var passedThrough: String
    /// What became of its links.
    public var links: [String: Int]

    /// A delivery with all its parts.
    public init(moment: Moment, status: String, passedThrough: String, links: [String: Int]) {
        self.moment = moment
        self.status = status
        self.passedThrough = passedThrough
        self.links = links
    }

    init(_ record: DeliveryRecord, at moment: Moment) {
        self.init(
            moment: moment, status: record.status, passedThrough: record.passedThrough, links: record.links)
    }
}
