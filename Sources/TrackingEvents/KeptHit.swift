public import Tracking

/// A hit as the policy keeps it, to be stored.
public struct KeptHit: Sendable, Hashable {
    /// Makes it unique, whatever the journal says.
    public let number: Int64
    /// When it came, and the day it counts in.
    public let moment: Moment
    /// Pixel or link.
    public let kind: TokenKind
    /// The mail.
    public let message: TrackingMessageID
    /// The copy, as ``CopyKey/recipient``; `nil` where nothing is kept that tells who made it.
    public let recipient: Int?
    /// Number of the link.
    public let link: Int?
    /// Of nobody's hit without what may be the recipient's own.
    public let url: String
    /// The client, whole or cut to a network, or empty.
    public let client: String
    /// The agent, or its family, or empty.
    public let agent: String
    /// What is said of loading ahead.
    public let purpose: String
    /// Whether the method is HEAD.
    public let isHead: Bool
    /// What the rules said of the agent, where only its family is kept.
    public let said: HitVerdict?
    /// The class and why.
    public internal(set) var verdict = HitVerdict.human
    /// What it counts as.
    public internal(set) var count: HitCount = []

    init(_ number: Int64, _ record: HitRecord, at moment: Moment, _ agent: KnownAgents.Agent, _ mail: KnownMail) {
        self.number = number
        self.moment = moment
        kind = record.kind
        message = record.message
        link = record.link
        purpose = record.purpose
        isHead = record.isHead
        let isNobody = mail.privacy == .anonymous || record.isPrivate
        let isFull = mail.privacy == .full
        said = isNobody || isFull ? nil : agent.said
        url = isNobody ? CopyLedger.page(of: record.url) : record.url
        recipient =
            isNobody
            ? nil : CopyKey(message: message, token: record.recipient, isShared: mail.isShared).recipient
        client = isNobody ? "" : isFull ? record.client : Pseudonym.address(record.client)
        self.agent = isNobody ? "" : isFull ? record.agent : agent.family
    }

    var source: String { StoredHit.source(client, agent) }

    var counted: CountedHit {
        CountedHit(moment: moment, link: link, url: url, source: source, hitClass: verdict.hitClass)
    }
}
