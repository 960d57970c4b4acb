public import Tracking

/// What the accounts need of a store, inside one transaction of it: rows come and go, and nothing here knows what they
/// mean.
public protocol EventTransaction {
    /// Another number than before when somebody else has written.
    var version: Int { get throws }

    // MARK: Mails

    /// Stores a mail and the addresses of its recipients.
    /// - Returns: whether it was new.
    func insert(_ mail: MessageRecord) throws -> Bool
    /// What is stored of a mail.
    func mail(_ id: TrackingMessageID) throws -> KnownMail?
    /// Makes a mail one whose copies are shared.
    func share(_ id: TrackingMessageID) throws

    // MARK: Deliveries

    /// Stores a delivery and its status with the recipient's copy.
    /// - Returns: whether it was new.
    func insert(_ delivery: KeptDelivery) throws -> Bool
    /// All of a mail.
    func deliveries(of message: TrackingMessageID) throws -> [CountedDelivery]

    // MARK: Hits

    /// Stores a hit.
    /// - Returns: whether it was new.
    func insert(_ hit: KeptHit) throws -> Bool
    /// Hits of a copy, or of nobody's, in the order of time, then of storing.
    /// - Parameter time: of the oldest, milliseconds since 1970.
    func hits(of message: TrackingMessageID, _ recipient: Int?, since time: Int64) throws -> [StoredHit]
    /// Those of a copy with ``HitCount/firstOnPage``.
    func firstOnPages(of copy: CopyKey) throws -> [StoredHit]
    /// How many hits and deliveries a copy has.
    /// - Parameter limit: what is enough to know.
    func eventCount(of copy: CopyKey, limit: Int) throws -> Int
    /// Replaces a stored hit's verdict, what it counts as, and its address.
    func replace(_ hit: StoredHit) throws
    /// Gives the hits of a copy to another one of the same mail.
    func moveHits(of copy: CopyKey, to recipient: Int) throws

    // MARK: Copies

    /// What is stored of a copy.
    func copy(_ key: CopyKey) throws -> CopyAccount?
    /// Stores a copy's accounts; whether it is erased is not theirs to say.
    func put(_ copy: CopyAccount, _ key: CopyKey) throws
    /// The copies of a mail that are stored or have hits, or only the latter.
    func copies(of message: TrackingMessageID, withHitsOnly: Bool) throws -> [CopyKey]
    /// Whether anything has happened to a mail.
    func hasEvents(_ message: TrackingMessageID) throws -> Bool
    /// Makes what a copy's events say nobody's, and takes out the copy.
    func makeAnonymous(_ copy: CopyKey) throws

    // MARK: Totals

    /// Adds to the figures of a minute or a day.
    func add(_ figures: Figures, to bucket: EventTally.Bucket) throws
    /// Adds to the clicks on a page.
    /// - Returns: false where the page is not there; then nothing is added.
    func add(_ clicks: EventTally.Clicks, to page: EventTally.Page) throws -> Bool
    /// Begins to count a page's clicks.
    func insert(_ page: EventTally.Page, _ clicks: EventTally.Clicks) throws
    /// How many pages of a tag are told apart on a day.
    func pageCount(tag: String, day: Int64) throws -> Int
    /// Adds to the count of a reason.
    func add(_ count: Int64, to reason: EventTally.Reason) throws
}
