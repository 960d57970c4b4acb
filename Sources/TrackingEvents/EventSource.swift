public import Tracking

/// One stored event, with what is known of its mail.
public struct StoredEvent: Sendable, Hashable, Codable {
    /// Grows by storing order: the cursor.
    public let sequence: Int64
    /// Milliseconds since 1970.
    public let time: Int64
    /// `delivery`, `open` or `click`.
    public let kind: String
    /// The message, as tokens call it.
    public let message: String
    /// Its id in the queue, where the mail is known here.
    public let queueID: String?
    /// Its tag.
    public let tag: String?
    /// Number of the recipient; `nil` where it is not kept, and for a hit on a shared copy.
    public let recipient: Int?
    /// The recipient's address.
    public let address: String?
    /// Number of the link.
    public let link: Int?
    /// Where it leads.
    public let url: String
    /// Status of a delivery, class of a hit.
    public let result: String
    /// Evidence for the class.
    public let evidence: String
    /// Client and agent, as far as the policy keeps them.
    public let client: String
    /// See ``client``.
    public let agent: String
    /// Name of the upstream.
    public let upstream: String
    /// The upstream's reply.
    public let reply: String
    /// Why the body went out as it was.
    public let passedThrough: String
    /// Of a hit on a copy that several recipients got: how many they were; 0 where that is not known yet.
    public let sharedBy: Int?

    /// An event with all its parts.
    public init(
        sequence: Int64, time: Int64, kind: String, message: String, queueID: String?, tag: String?, recipient: Int?,
        address: String?, link: Int?, url: String, result: String, evidence: String, client: String, agent: String,
        upstream: String, reply: String, passedThrough: String, sharedBy: Int? = nil
    ) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
        self.message = message
        self.queueID = queueID
        self.tag = tag
        self.recipient = recipient
        self.address = address
        self.link = link
        self.url = url
        self.result = result
        self.evidence = evidence
        self.client = client
        self.agent = agent
        self.upstream = upstream
        self.reply = reply
        self.passedThrough = passedThrough
        self.sharedBy = sharedBy
    }

    /// Whose event it is, as far as that is known and kept.
    public var who: String {
        if let sharedBy { return sharedBy > 0 ? "one of \(sharedBy)" : "one of several" }
        return address ?? recipient.map { "recipient \($0)" } ?? ""
    }
}

/// Which events.
public struct EventFilter: Sendable, Hashable {
    /// Behind this sequence.
    public var after: Int64 = 0
    /// In front of this sequence, newest first; `nil` for oldest first.
    public var before: Int64?
    /// Not older, milliseconds since 1970.
    public var since: Int64 = 0
    /// Of this tag.
    public var tag: String?
    /// `delivery`, `open` or `click`.
    public var kind: String?
    /// At most so many.
    public var limit = 1_000

    /// All events.
    public init() {}
}

/// One mail in a list.
public struct StoredMail: Sendable, Hashable, Codable {
    /// As tokens call it.
    public var message: String
    /// In the queue.
    public var queueID: String
    /// Milliseconds since 1970.
    public var time: Int64
    /// Its tag, or empty.
    public var tag: String
    /// Domain of the From field.
    public var fromDomain: String
    /// Where the policy keeps it.
    public var subject: String
    /// Why it is not tracked, or empty.
    public var untracked: String
    /// `full`, `pseudonymous` or `anonymous`.
    public var privacy: String
    /// Recipients that are kept.
    public var recipients: Int
    /// Of them, those the upstream took.
    public var sent: Int
    /// Of them, those that wait for another attempt.
    public var deferred: Int
    /// Of them, those that will never have it.
    public var failed: Int
    /// Of them, those that opened it.
    public var opened: Int
    /// Of them, those that clicked.
    public var clicked: Int

    /// A mail with all its parts.
    public init(
        message: String, queueID: String, time: Int64, tag: String, fromDomain: String, subject: String,
        untracked: String, privacy: String, recipients: Int, sent: Int, deferred: Int, failed: Int,
        opened: Int, clicked: Int
    ) {
        self.message = message
        self.queueID = queueID
        self.time = time
        self.tag = tag
        self.fromDomain = fromDomain
        self.subject = subject
        self.untracked = untracked
        self.privacy = privacy
        self.recipients = recipients
        self.sent = sent
        self.deferred = deferred
        self.failed = failed
        self.opened = opened
        self.clicked = clicked
    }
}

/// One recipient's copy, or one that several share; of a recipient of a shared copy what the upstream said.
public struct StoredCopy: Sendable, Hashable, Codable {
    /// Number of the recipient, from 0; `nil` for a shared copy.
    public var recipient: Int?
    /// Empty where it is not kept.
    public var address: String
    /// Status of the latest attempt, or empty.
    public var status: String
    /// When the upstream took the copy.
    public var delivered: Int64?
    /// Its first open.
    public var opened: Int64?
    /// Whether only a click tells of it.
    public var isOpenInferred: Bool
    /// Its first click.
    public var clicked: Int64?
    /// How many recipients share it; `nil` where it is one recipient's own.
    public var sharedBy: Int?

    /// A copy with all its parts.
    public init(
        recipient: Int?, address: String, status: String, delivered: Int64?, opened: Int64?, isOpenInferred: Bool,
        clicked: Int64?, sharedBy: Int? = nil
    ) {
        self.recipient = recipient
        self.address = address
        self.status = status
        self.delivered = delivered
        self.opened = opened
        self.isOpenInferred = isOpenInferred
        self.clicked = clicked
        self.sharedBy = sharedBy
    }
}

/// Everything about one mail.
public struct StoredMailDetail: Sendable, Hashable, Codable {
    /// The mail.
    public var mail: StoredMail
    /// Its copies, by number; at most 1,000.
    public var copies: [StoredCopy]
    /// What happened, oldest first; at most 1,000.
    public var events: [StoredEvent]

    /// A mail's details.
    public init(mail: StoredMail, copies: [StoredCopy], events: [StoredEvent]) {
        self.mail = mail
        self.copies = copies
        self.events = events
    }
}

/// A place in the list of mails, newest first.
public struct MailCursor: Sendable, Hashable, CustomStringConvertible {
    /// Milliseconds since 1970.
    public let time: Int64
    /// The mail at it; `nil` for the first of that time.
    public let message: TrackingMessageID?

    /// The place of a mail: the list goes on behind it.
    public init(_ mail: StoredMail) {
        time = mail.time
        message = TrackingMessageID(hexadecimal: mail.message)
    }

    /// Reads `TIME` or `TIME-MESSAGE`.
    public init?(_ text: some StringProtocol) {
        let halves = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = halves.first, let time = Int64(first), time >= 0, !first.hasPrefix("+") else { return nil }
        self.time = time
        guard halves.count == 2 else {
            message = nil
            return
        }
        guard let id = TrackingMessageID(hexadecimal: halves[1]) else { return nil }
        message = id
    }

    /// `TIME` or `TIME-MESSAGE`.
    public var description: String { "\(time)" + (message.map { "-\($0)" } ?? "") }
}

/// Which mails, newest first.
public struct MailFilter: Sendable, Hashable {
    /// Of this tag.
    public var tag: String?
    /// To this address.
    public var recipient: String?
    /// Behind this place.
    public var before: MailCursor?
    /// At most so many.
    public var limit = 50

    /// All mails.
    public init() {}
}

/// Clicks on a page: a link's target without query.
public struct PageFigures: Sendable, Hashable, Codable {
    /// The page.
    public var page: String
    /// Clicks.
    public var clicks: Int64
    /// Once per recipient's copy.
    public var uniqueClicks: Int64

    /// A page with its figures.
    public init(page: String, clicks: Int64, uniqueClicks: Int64) {
        self.page = page
        self.clicks = clicks
        self.uniqueClicks = uniqueClicks
    }
}

/// Why something was not tracked, and how often.
public struct ReasonCount: Sendable, Hashable, Codable {
    /// `untracked`, `passed-through` or `link`.
    public var kind: String
    /// The reason; for links also `tracked`.
    public var reason: String
    /// How often.
    public var count: Int64

    /// A reason with its count.
    public init(kind: String, reason: String, count: Int64) {
        self.kind = kind
        self.reason = reason
        self.count = count
    }
}

/// Length of a step of a series.
public enum Granularity: String, Sendable, CaseIterable {
    case minute, hour, day
}

/// Figures of one step.
public struct FigureStep: Sendable, Hashable {
    /// When it begins, milliseconds since 1970.
    public var time: Int64
    /// What happened in it.
    public var figures: Figures

    /// A step.
    public init(time: Int64, figures: Figures) {
        self.time = time
        self.figures = figures
    }
}

/// What console, API and command read.
public protocol EventSource: Sendable {
    /// Figures by tag for days, both included.
    func daily(from: Int64, to: Int64) async throws -> [String: Figures]
    /// Figures by tag for a span of minutes; only the last eight days are kept by the minute.
    func figures(from: Int64, to: Int64) async throws -> [String: Figures]
    /// Figures of a tag, or of all, step by step; steps in which nothing happened are left out.
    /// - Parameters:
    ///   - from: milliseconds since 1970.
    ///   - to: the first moment that is not in.
    func series(tag: String?, from: Int64, to: Int64, _ granularity: Granularity) async throws -> [FigureStep]
    /// The most clicked pages of a tag for days, both included.
    func pages(tag: String, from: Int64, to: Int64, limit: Int) async throws -> [PageFigures]
    /// Why mails and links were not tracked, for days, both included.
    func reasons(tag: String?, from: Int64, to: Int64) async throws -> [ReasonCount]
    /// Tags that figures are kept of.
    func tags() async throws -> [String]
    /// Mails, newest first.
    func mails(_ filter: MailFilter) async throws -> [StoredMail]
    /// One mail, by either of its ids.
    func mail(_ id: String) async throws -> StoredMailDetail?
    /// Events.
    func events(_ filter: EventFilter) async throws -> [StoredEvent]
    /// The last event's sequence.
    func lastSequence() async throws -> Int64
}

/// Why events cannot be read or stored.
public struct EventStoreError: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let description: String

    /// An error in a sentence.
    public init(_ description: String) { self.description = description }
}
