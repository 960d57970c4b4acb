public import Tracking

/// A mail that was accepted.
public struct MessageRecord: Sendable, Hashable {
    /// What its tokens call it; for untracked mail an id that nothing else carries.
    public var message: TrackingMessageID
    /// Milliseconds since 1970.
    public var time: Int64
    /// Its id in the queue.
    public var queueID: String
    /// Its tag, where it has one.
    public var tag: String
    /// Domain of the From field.
    public var fromDomain: String
    /// The recipients by number; empty where the policy is `anonymous`.
    public var recipients: [String]
    /// Why it is not tracked, or empty.
    public var untracked: String
    /// What is kept of its hits.
    public var privacy: Privacy
    /// The decoded subject, where the policy keeps it.
    public var subject: String
    /// Whether several recipients get one copy, so that no hit tells of one of them.
    public var isShared: Bool

    /// A record with all its parts.
    public init(
        message: TrackingMessageID, time: Int64, queueID: String, tag: String, fromDomain: String, recipients: [String],
        untracked: String, privacy: Privacy, subject: String, isShared: Bool = false
    ) {
        self.message = message
        self.time = time
        self.queueID = queueID
        self.tag = tag
        self.fromDomain = fromDomain
        self.recipients = recipients
        self.untracked = untracked
        self.privacy = privacy
        self.subject = subject
        self.isShared = isShared
    }
}

/// A copy that went to several recipients in one transaction: its hits are none of theirs in particular.
public struct SharedCopy: Sendable, Hashable {
    /// The recipient's number that its tokens carry.
    public var number: Int
    /// How many recipients the transaction had.
    public var recipients: Int

    /// A copy with its parts.
    public init(number: Int, recipients: Int) {
        self.number = number
        self.recipients = recipients
    }
}

/// One attempt for one recipient.
public struct DeliveryRecord: Sendable, Hashable {
    /// The message.
    public var message: TrackingMessageID
    /// Milliseconds since 1970.
    public var time: Int64
    /// Number of the recipient, from 0.
    public var recipient: Int
    /// `sent`, `deferred`, `bounced`, `expired` or `uncertain`.
    public var status: String
    /// Name of the upstream.
    public var upstream: String
    /// Its reply, escaped.
    public var reply: String
    /// Why the mail went out with its body as it was, or empty.
    public var passedThrough: String
    /// Whether the copy can be told by its hits: it went out with a pixel or tracked links.
    public var isTracked: Bool
    /// What became of the links: `tracked` or a reason, and how many; of a shared copy with one of its recipients.
    public var links: [String: Int]
    /// The copy, where it is not the recipient's own.
    public var shared: SharedCopy?

    /// A record with all its parts.
    public init(
        message: TrackingMessageID, time: Int64, recipient: Int, status: String, upstream: String, reply: String,
        passedThrough: String, isTracked: Bool, links: [String: Int], shared: SharedCopy? = nil
    ) {
        self.message = message
        self.time = time
        self.recipient = recipient
        self.status = status
        self.upstream = upstream
        self.reply = reply
        self.passedThrough = passedThrough
        self.isTracked = isTracked
        self.links = links
        self.shared = shared
    }
}

/// One request for a pixel or a link.
public struct HitRecord: Sendable, Hashable {
    /// Octets of a user agent that are kept.
    public static let maximumAgentOctets = 300
    /// Octets of a purpose that are kept.
    public static let maximumPurposeOctets = 40

    /// The message.
    public var message: TrackingMessageID
    /// Milliseconds since 1970.
    public var time: Int64
    /// Pixel or link.
    public var kind: TokenKind
    /// Number of the recipient, from 0.
    public var recipient: Int
    /// Number of the link; `nil` for the pixel.
    public var link: Int?
    /// Where the link leads.
    public var url: String
    /// The client's address, whole until the policy of the message is applied.
    public var client: String
    /// The user agent.
    public var agent: String
    /// `Sec-Purpose`, `Purpose` or `X-Moz`, whichever is there.
    public var purpose: String
    /// Whether the method is HEAD.
    public var isHead: Bool
    /// Whether the reader asks not to be identified (`Sec-GPC: 1`).
    public var isPrivate: Bool

    /// A record with all its parts.
    public init(
        message: TrackingMessageID, time: Int64, kind: TokenKind, recipient: Int, link: Int?, url: String,
        client: String, agent: String, purpose: String = "", isHead: Bool = false, isPrivate: Bool = false
    ) {
        self.message = message
        self.time = time
        self.kind = kind
        self.recipient = recipient
        self.link = link
        self.url = url
        self.client = client
        self.agent = agent
        self.purpose = purpose
        self.isHead = isHead
        self.isPrivate = isPrivate
    }
}

/// Something that happened.
public enum Event: Sendable, Hashable {
    case message(MessageRecord)
    case delivery(DeliveryRecord)
    case hit(HitRecord)
}

/// Takes events. Never blocks, never fails: what cannot be stored yet is kept, what exceeds the buffer is counted.
public protocol EventSink: Sendable {
    /// Keeps an event.
    func record(_ event: Event)
}
