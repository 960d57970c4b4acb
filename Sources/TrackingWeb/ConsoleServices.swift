import Hummingbird
import NIOCore
public import Tracking
public import TrackingEvents

/// A mail that waits.
public struct QueueEntry: Sendable, Hashable, Codable {
    /// One of its recipients.
    public struct Recipient: Sendable, Hashable, Codable {
        /// The address.
        public var address: String
        /// `waiting`, `delivered` or `failed`.
        public var state: String
        /// The upstream's last reply.
        public var lastReply: String

        /// A recipient.
        public init(address: String, state: String, lastReply: String) {
            self.address = address
            self.state = state
            self.lastReply = lastReply
        }
    }

    /// Its id.
    public var id: String
    /// Milliseconds since 1970.
    public var arrival: Int64
    /// Milliseconds since 1970.
    public var nextAttempt: Int64
    /// Milliseconds since 1970.
    public var expires: Int64
    /// Name of the upstream.
    public var upstream: String
    /// The sender; empty for `<>`.
    public var from: String
    /// Octets of the content.
    public var octets: Int
    /// Attempts so far.
    public var attempts: Int
    /// Whether a sysadmin holds it.
    public var held: Bool
    /// Whether its content cannot be read.
    public var damaged: Bool
    /// Whether it failed for somebody, and nothing waits any more.
    public var failed: Bool
    /// Its tag, or empty.
    public var tag: String
    /// All recipients, those that are done included.
    public var recipients: [Recipient]

    /// An entry with all its parts.
    public init(
        id: String, arrival: Int64, nextAttempt: Int64, expires: Int64, upstream: String, from: String, octets: Int,
        attempts: Int, held: Bool, damaged: Bool, failed: Bool = false, tag: String, recipients: [Recipient]
    ) {
        self.id = id
        self.arrival = arrival
        self.nextAttempt = nextAttempt
        self.expires = expires
        self.upstream = upstream
        self.from = from
        self.octets = octets
        self.attempts = attempts
        self.held = held
        self.damaged = damaged
        self.failed = failed
        self.tag = tag
        self.recipients = recipients
    }
}

/// What a sysadmin does to a queued mail.
public enum QueueAction: String, Sendable, CaseIterable {
    case retry, hold, release, delete
}

/// A place in the queue that is none.
public struct QueueCursorError: Error, Sendable, CustomStringConvertible {
    /// What would be one.
    public let description = "after must be a queue id"

    /// The error.
    public init() {}
}

/// What the console needs of the queue.
public protocol QueueDesk: Sendable {
    /// Mails by age, behind `after`.
    /// - Throws: ``QueueCursorError`` where that is no id.
    func list(after: String?, limit: Int) async throws -> [QueueEntry]
    /// How many there are.
    func count() async throws -> Int
    /// How many of them failed for good and are kept, and how many are damaged.
    func troubled() async throws -> (failed: Int, damaged: Int)
    /// One mail.
    func entry(_ id: String) async throws -> QueueEntry?
    /// Does it to one mail, or to all where `id` is `nil`.
    /// - Returns: how many mails it was done to.
    func perform(_ action: QueueAction, _ id: String?) async throws -> Int
}

/// A mail's text, while it is there.
public struct MailSource: Sendable {
    /// As it was received.
    public var original: [UInt8]
    /// As it is sent to its first recipient.
    public var sent: [UInt8]
    /// What was found and done.
    public var report: String
    /// Its HTML as it was received, as UTF-8.
    public var originalHTML: String?
    /// Its HTML as it is sent, as UTF-8.
    public var sentHTML: String?

    /// A source with all its parts.
    public init(original: [UInt8], sent: [UInt8], report: String, originalHTML: String?, sentHTML: String?) {
        self.original = original
        self.sent = sent
        self.report = report
        self.originalHTML = originalHTML
        self.sentHTML = sentHTML
    }
}

/// One line of the health page.
public struct HealthCheck: Sendable {
    /// How it is.
    public enum State: String, Sendable { case good, warning, bad, unknown }
    /// What is looked at.
    public var name: String
    /// How it is.
    public var state: State
    /// What was found, and what to do.
    public var detail: String

    /// A finding.
    public init(_ name: String, _ state: State, _ detail: String) {
        self.name = name
        self.state = state
        self.detail = detail
    }
}

/// What console and API show.
public struct ConsoleServices: Sendable {
    /// The relay's name.
    public var hostname: String
    /// Events and figures.
    public var events: any EventSource
    /// The queue.
    public var queue: any QueueDesk
    /// Configured tags and their policies.
    public var policies: @Sendable () -> [String: [PolicyLine]]
    /// Sentences for reasons of mails and links.
    public var sentences: [String: String]
    /// The text of a mail, by both its ids; `nil` where it is not kept.
    public var source: @Sendable (_ message: String, _ queueID: String) async -> MailSource?
    /// Groups of findings.
    public var health: @Sendable () async -> [(name: String, checks: [HealthCheck])]
    /// Milliseconds since 1970.
    public var now: @Sendable () -> Int64
    let feed: EventFeed

    /// Services with all their parts.
    public init(
        hostname: String, events: any EventSource, queue: any QueueDesk,
        policies: @escaping @Sendable () -> [String: [PolicyLine]],
        sentences: [String: String],
        source: @escaping @Sendable (_ message: String, _ queueID: String) async -> MailSource?,
        health: @escaping @Sendable () async -> [(name: String, checks: [HealthCheck])],
        now: @escaping @Sendable () -> Int64
    ) {
        self.hostname = hostname
        self.events = events
        self.queue = queue
        self.policies = policies
        self.sentences = sentences
        self.source = source
        self.health = health
        self.now = now
        feed = EventFeed(source: events)
    }
}
