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
    /// Whether its content or its row is not what was written; kept, never sent.
    public var isDamaged = false
    /// Octets of the content.
    public var octets: Int

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
        octets = message.octets
        nextAttempt = message.arrival
        self.expires = expires
    }

    /// Whether nothing waits any more and somebody did not get it: it is kept until a sysadmin retries or deletes it.
    public var isFailed: Bool { waiting.isEmpty && recipients.contains { $0.state == .failed } }

    /// Fails whoever still waits; the last reply stays readable.
    mutating func expire() {
        for index in recipients.indices where recipients[index].state == .waiting {
            let reply = recipients[index].lastReply
            recipients[index].state = .failed
            recipients[index].lastReply = reply.isEmpty ? "expired" : "expired; the last reply was: \(reply)"
        }
    }

    /// Lets those that failed wait again; whoever has it does not get it again.
    /// - Parameter expires: milliseconds since 1970.
    public mutating func revive(expires: Int64) {
        for index in recipients.indices where recipients[index].state == .failed { recipients[index].state = .waiting }
        attempts = 0
        self.expires = expires
    }

    /// The recipients that still wait.
    public var waiting: [QueuedRecipient] { recipients.filter { $0.state == .waiting } }
}
