public import Tracking

/// Which copy of a mail.
public struct CopyKey: Sendable, Hashable {
    /// The mail.
    public let message: TrackingMessageID
    /// The recipient's number, or -1 minus the number in its tokens of a copy that several share.
    public let recipient: Int

    /// A copy by its number.
    public init(message: TrackingMessageID, recipient: Int) {
        self.message = message
        self.recipient = recipient
    }

    /// The copy that tokens name: the recipient's own, or one that several share.
    public init(message: TrackingMessageID, token: Int, isShared: Bool) {
        self.init(message: message, recipient: isShared ? -1 - token : token)
    }
}

/// What is stored of a copy's accounts.
public struct CopyAccount: Sendable, Hashable {
    /// The upstream's first 250, tracked or not: what hits are judged by.
    public var sent: Int64?
    /// When the upstream took the tracked copy.
    public var delivered: Moment?
    /// Its first open.
    public var opened: Int64?
    /// Whether a click came before any pixel.
    public var isOpenInferred = false
    /// Its first click.
    public var clicked: Int64?
    /// Its latest hit.
    public var lastHit: Int64?
    /// How many recipients share it; 0 where it is one recipient's own.
    public var sharedBy = 0
    /// Whether nothing is kept any more that tells whose it is.
    public var isErased = false

    /// A copy of which nothing is known.
    public init() {}
}
