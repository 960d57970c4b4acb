import MailMessage
import MessageQueue
import OpenSSLBridge
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import Synchronization
import Tracking
import TrackingEvents

/// Takes mail from clients: who may send, what is decided for the mail, and into the queue with it before the 250.
final class Submission: ServerDelegate {
    let settings: RelaySettings
    let queue: MessageQueue
    let records: EventRecords
    let metrics: RelayMetrics
    let log: RelayLog
    let routes: RouteCapabilities
    let book: PolicyBook
    private let listeners: [String: ListenerSettings]
    /// Listener to name to hash; names as octets, since two texts that look alike are two names.
    private let users: [String: [[UInt8]: String]]
    private let passwords = PasswordChecks()
    private let generator = Mutex(SystemRandomNumberGenerator())

    init(
        settings: RelaySettings, book: PolicyBook, users: [String: [String: String]], queue: MessageQueue,
        records: EventRecords,
        metrics: RelayMetrics, log: RelayLog, routes: RouteCapabilities
    ) {
        self.settings = settings
        self.book = book
        self.routes = routes
        listeners = Dictionary(settings.listeners.map { ($0.address.description, $0) }) { first, _ in first }
        self.users = users.mapValues { names in
            Dictionary(names.map { (Array($0.key.utf8), $0.value) }) { first, _ in first }
        }
        self.queue = queue
        self.records = records
        self.metrics = metrics
        self.log = log
    }

    // MARK: Clients

    private func isTrusted(_ connection: ConnectionFacts) -> Bool {
        guard let client = IPAddress(connection.client) else { return false }
        return client.isLoopback || listeners[connection.listener]?.networks.contains { $0.contains(client) } == true
    }

    func connected(_ connection: ConnectionFacts) -> Reply? {
        if isTrusted(connection) || users[connection.listener] != nil { return nil }
        return Reply(
            554, EnhancedStatusCode(5, 7, 1), "\(connection.client) may not send here; see `networks` of the listener")
    }

    func configure(_ settings: inout ServerSession.Settings, for connection: ConnectionFacts) {
        let isTrusted = isTrusted(connection)
        settings.authentication = authentication(for: connection, isTrusted: isTrusted)
        // Scripts that send a whole dialogue at once come from this machine or a known network; from elsewhere they are
        // spam programs, or requests smuggled out of another protocol.
        settings.synchronisation = isTrusted ? .lenient : .strict
        if !routes.allTakeSMTPUTF8 { settings.withheld.insert("SMTPUTF8") }
    }

    private func authentication(
        for connection: ConnectionFacts, isTrusted: Bool
    ) -> ServerSession.Authentication {
        // In clear on this machine only: whoever may send without a password need not show one to the network.
        let isLoopback = IPAddress(connection.client)?.isLoopback == true
        // Old mailers insist on logging in with the password of the service they used to talk to; whoever may send
        // without a password may send with any.
        return .offered(
            isMandatory: users[connection.listener] != nil && !isTrusted, allowsClear: isLoopback)
    }

    func authenticate(_ credentials: Credentials, _ connection: ConnectionFacts) async -> ServerSession.Verdict {
        guard let table = users[connection.listener] else {
            return isTrusted(connection) ? .accept : refuse(credentials, connection, "not-allowed")
        }
        let answer = await passwords.check(
            credentials.password.exposed, of: credentials.name, against: table[credentials.name],
            from: connection.client)
        switch answer {
        case .right where credentials.wantsOther: return refuse(credentials, connection, "other-identity")
        case .right: return .accept
        case .wrong: return refuse(credentials, connection, "wrong")
        case .later:
            metrics.count("logins_refused_total", ("reason", "too-many"))
            return .reply(
                Reply(454, EnhancedStatusCode(4, 7, 0), "Too many logins from \(connection.client); try again later"))
        }
    }

    private func refuse(
        _ credentials: Credentials, _ connection: ConnectionFacts, _ reason: String
    ) -> ServerSession.Verdict {
        metrics.count("logins_refused_total", ("reason", reason))
        log.warning(
            "login refused", ("client", connection.client),
            ("user", EscapedText.escape(credentials.name, limit: 64)), ("reason", reason))
        return .reply(Reply(535, EnhancedStatusCode(5, 7, 8), "Authentication failed"))
    }

    func sender(_ path: ReversePath, _ parameters: MailParameters, _ connection: ConnectionFacts)
        -> ServerSession.Verdict
    { .accept }

    func recipient(_ path: ForwardPath, _ envelope: Envelope, _ connection: ConnectionFacts) -> ServerSession.Verdict {
        if path.mailbox.domain.isEmpty {
            // The upstream needs a domain; ours is the only one that can be meant.
            return .reply(
                Reply(550, EnhancedStatusCode(5, 1, 2), "Give postmaster a domain; there are no mailboxes here"))
        }
        return .accept
    }

    func makeSpill() throws -> Spill { Spill(try queue.makeSpill()) }

    func disconnected(_ connection: ConnectionFacts, _ summary: SessionSummary) {
        if let refusal = summary.refusal {
            metrics.count("connections_refused_total", ("reason", refusal.rawValue))
        }
        log.debug(
            "disconnect", ("client", connection.client), ("accepted", "\(summary.accepted)"),
            ("refused", "\(summary.refused)"),
            ("octets", "\(summary.octets)"), ("end", summary.end))
    }

    // MARK: Facts

    func facts(
        _ envelope: Envelope, _ header: HeaderSection, _ head: [UInt8], _ connection: ConnectionFacts,
        names: Set<String>
    ) -> MessageFacts {
        var facts = MessageFacts(header, in: head, names: names)
        facts.listener = connection.listener
        facts.client = IPAddress(connection.client)
        facts.authUser = connection.authenticatedUser
        facts.envelopeSender = envelope.reversePath.description
        facts.recipientDomains = envelope.recipients.map { $0.mailbox.domain.lowercased() }
        return facts
    }

    /// RFC 3848.
    static func protocolWord(_ connection: ConnectionFacts) -> String {
        guard connection.isExtended else { return "SMTP" }
        return "ESMTP" + (connection.tls == nil ? "" : "S") + (connection.authenticatedUser == nil ? "" : "A")
    }

    func newNote(_ time: Int64) -> MessageNote {
        MessageNote(message: generator.withLock { TrackingMessageID(time: time, using: &$0) })
    }
}

/// A queue's spill as a server's.
final class Spill: ContentSpill {
    fileprivate let spill: any QueueSpill

    init(_ spill: any QueueSpill) { self.spill = spill }

    func append(_ piece: [UInt8]) async throws { try await spill.append(piece) }
    func discard() { spill.discard() }
}

extension ReceivedContent<Spill> {
    /// Enough for a header section.
    var head: [UInt8] {
        switch self {
        case .memory(let bytes): bytes
        case .spilled(let spill): spill.spill.head
        }
    }

    /// Octets of all of it.
    var count: Int {
        switch self {
        case .memory(let bytes): bytes.count
        case .spilled(let spill): spill.spill.count
        }
    }

    /// The same for the queue.
    var queued: QueueContent {
        switch self {
        case .memory(let bytes): .memory(bytes)
        case .spilled(let spill): .spilled(spill.spill)
        }
    }
}
