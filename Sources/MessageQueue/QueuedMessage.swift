/// One recipient of a queued message.
public struct QueuedRecipient: Sendable, Hashable {
    /// How far it got.
    public enum State: String, Sendable {
        case waiting, delivered, failed
    }

    /// Place in the envelope, from 0; tokens carry it.
    public let number: Int
    /// The address.
    public let address: String
    /// How far it got.
    public var state = State.waiting
    /// The upstream's last reply, escaped.
    public var lastReply = ""

    /// A recipient that waits.
    public init(number: Int, address: String) {
        self.number = number
        self.address = address
    }
}

/// What is known of a message before it has an id.
public struct NewMessage: Sendable {
    /// Milliseconds since 1970.
    public var arrival: Int64
    /// Name of the upstream.
    public var upstream: String
    /// The sender; empty for `<>`.
    public var reversePath: String
    /// The recipients, in the order of the envelope.
    public var recipients: [String]
    /// Octets of the content.
    public var octets: Int
    /// SMTPUTF8.
    public var needsSMTPUTF8 = false
    /// The tracking decision, opaque here.
    public var decision: [UInt8] = []
    /// What logs and lists show besides, opaque here; at most 4 KiB.
    public var note: [UInt8] = []

    /// A message with all its required parts.
    public init(arrival: Int64, upstream: String, reversePath: String, recipients: [String], octets: Int) {
        self.arrival = arrival
        self.upstream = upstream
        self.reversePath = reversePath
        self.recipients = recipients
        self.octets = octets
    }
}

/// Where a content stands.
public struct ContentPlace: Sendable, Hashable {
    /// Number of the segment.
    public var segment: Int64
    /// First octet of the content in it.
    public var offset: Int64
    /// Octets.
    public var count: Int
    /// XXH64 of the content.
    public var checksum: UInt64

    /// A place with all its parts.
    public init(segment: Int64, offset: Int64, count: Int, checksum: UInt64) {
        self.segment = segment
        self.offset = offset
        self.count = count
        self.checksum = checksum
    }
}

/// A message in the queue, without its content.
public struct QueuedMessage: Sendable, Hashable {
    /// Its id.
    public let id: QueueID
    /// Milliseconds since 1970.
    public var arrival: Int64
    /// Name of the upstream.
    public var upstream: String
    /// The sender; empty for `<>`.
    public var reversePath: String
    /// All recipients, those that are done included.
    public var recipients: [QueuedRecipient]
    /// SMTPUTF8.
    public var needsSMTPUTF8: Bool
    /// The tracking decision, opaque here.
    public var decision: [UInt8]
    /// What logs and lists show besides.
    public var note: [UInt8]
    /// Attempts so far.
    public var attempts = 0
    /// Milliseconds since 1970.
    public var nextAttempt: Int64
    /// Milliseconds since 1970.
    public var expires: Int64
    /// Whether a sysadmin holds it.
    public var isHeld = false
    /// Whether its content could not be read; kept, never sent.
    public var isDamaged = false
    /// Where the content stands; set by the store.
    public var place = ContentPlace(segment: 0, offset: 0, count: 0, checksum: 0)

    /// A message with its id.
    public init(_ message: NewMessage, id: QueueID, expires: Int64) {
        self.id = id
        arrival = message.arrival
        upstream = message.upstream
        reversePath = message.reversePath
        recipients = message.recipients.enumerated().map { QueuedRecipient(number: $0, address: $1) }
        needsSMTPUTF8 = message.needsSMTPUTF8
        decision = message.decision
        note = message.note
        nextAttempt = message.arrival
        self.expires = expires
    }

    /// The recipients that still wait.
    public var waiting: [QueuedRecipient] { recipients.filter { $0.state == .waiting } }
}
