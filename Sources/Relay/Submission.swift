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
    /// A mail that has passed so many servers is in a loop (RFC 5321 §6.3).
    private static let maximumHops = 50

    private let settings: RelaySettings
    private let listeners: [String: ListenerSettings]
    private let users: [String: [String: String]]
    private let queue: MessageQueue
    private let events: any EventSink
    private let metrics: RelayMetrics
    private let log: RelayLog
    private let generator = Mutex(SystemRandomNumberGenerator())
    private let neededNames: Set<String>

    init(
        settings: RelaySettings, users: [String: [String: String]], queue: MessageQueue, events: any EventSink,
        metrics: RelayMetrics, log: RelayLog
    ) {
        self.settings = settings
        listeners = Dictionary(settings.listeners.map { ($0.address.description, $0) }) { first, _ in first }
        self.users = users
        self.queue = queue
        self.events = events
        self.metrics = metrics
        self.log = log
        neededNames = settings.policies.neededHeaderNames
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

    func authentication(for connection: ConnectionFacts) -> ServerSession.Authentication {
        let isLoopback = IPAddress(connection.client)?.isLoopback == true
        let isTrusted = isTrusted(connection)
        guard users[connection.listener] != nil else {
            // Old mailers insist on logging in with the password of the service they used to talk to; whoever may send
            // without a password may send with any.
            return .offered(isMandatory: false, allowsClear: isTrusted)
        }
        return .offered(isMandatory: !isTrusted, allowsClear: isLoopback)
    }

    func authenticate(_ credentials: Credentials, _ connection: ConnectionFacts) async -> ServerSession.Verdict {
        guard let table = users[connection.listener] else {
            return isTrusted(connection)
                ? .accept : .reply(Reply(535, EnhancedStatusCode(5, 7, 8), "Authentication failed"))
        }
        // An unknown name costs as much time as a wrong password.
        let hash = table[credentials.username] ?? "pbkdf2-sha256$200000$00$\(String(repeating: "0", count: 64))"
        let fits = await BlockingWork.run { PasswordHash.verify(credentials.password.exposed, against: hash) }
        if fits, table[credentials.username] != nil { return .accept }
        log.warning(
            "login refused", ("client", connection.client),
            ("user", EscapedText.escape(credentials.username.utf8, limit: 64)))
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

    func makeSpill() throws -> any ContentSpill { Spill(try queue.makeSpill()) }

    func disconnected(_ connection: ConnectionFacts, _ summary: SessionSummary) {
        log.debug(
            "disconnect", ("client", connection.client), ("accepted", "\(summary.accepted)"),
            ("refused", "\(summary.refused)"),
            ("octets", "\(summary.octets)"), ("end", summary.end))
    }

    // MARK: Messages

    func message(
        _ envelope: Envelope, _ content: ReceivedContent, _ connection: ConnectionFacts
    ) async -> ServerSession.Verdict {
        let head: [UInt8]
        let octets: Int
        let spill: Spill?
        switch content {
        case .memory(let bytes): (head, octets, spill) = (bytes, bytes.count, nil)
        case .spilled(let given):
            guard let given = given as? Spill else {
                return .reply(Reply(451, EnhancedStatusCode(4, 3, 0), "Wrong spill"))
            }
            (head, octets, spill) = (given.spill.head, given.spill.count, given)
        }
        let header: HeaderSection
        do {
            header = try HeaderSection.parse(
                head, in: head.indices, looseBase64Continuation: [TraceHeader.name])
        } catch {
            spill?.discard()
            return .reply(Reply(552, EnhancedStatusCode(5, 3, 4), "The header section is too large"))
        }
        guard header.all("Received", in: head).count < Self.maximumHops else {
            spill?.discard()
            return .reply(Reply(554, EnhancedStatusCode(5, 4, 6), "Too many hops: this mail is in a loop"))
        }
        let facts = facts(envelope, header, head, connection)
        let verdict = settings.policies.decide(facts)
        if case .reject(let code, let enhanced, let text, let reason) = verdict {
            spill?.discard()
            log.warning(
                "refused", ("client", connection.client), ("from", facts.envelopeSender), ("reason", reason.rawValue),
                ("detail", text))
            return .reply(Reply(code, EnhancedStatusCode(enhanced), text))
        }
        return await submit(envelope, content, octets, header, head, facts, verdict, connection)
    }

    private func submit(
        _ envelope: Envelope, _ content: ReceivedContent, _ octets: Int, _ header: HeaderSection, _ head: [UInt8],
        _ facts: MessageFacts, _ verdict: TraceVerdict, _ connection: ConnectionFacts
    ) async -> ServerSession.Verdict {
        var note = MessageNote(message: generator.withLock { TrackingMessageID(using: &$0) })
        note.helo = connection.helloName ?? ""
        note.client = connection.client
        note.with = Self.protocolWord(connection)
        note.fromDomain = facts.fromDomain ?? ""
        note.messageID =
            header.first("Message-ID", in: head).map {
                EscapedText.escape(HeaderSection.unfolded($0.body, in: head).filter { $0 != 0x20 }, limit: 250)
            } ?? ""
        var new = NewMessage(
            arrival: SystemClock.now(), upstream: "default", reversePath: envelope.reversePath.description,
            recipients: envelope.recipients.map(\.description), octets: octets)
        var privacy = Privacy.pseudonymous
        switch verdict {
        case .track(let decision):
            new.decision = decision.encoded()
            note.tag = decision.tag.description
            privacy = decision.privacy
            if let name = settings.policies.tags[decision.tag]?.upstream { new.upstream = name }
        case .untracked(let reason, _): note.untracked = reason.rawValue
        case .reject: break
        }
        if let limit = settings.upstreams[new.upstream]?.maximumMessageOctets, octets > limit {
            return .reply(
                Reply(552, EnhancedStatusCode(5, 3, 4), "Message exceeds the \(limit) octets the upstream takes"))
        }
        new.needsSMTPUTF8 = envelope.parameters.smtpUTF8 && Self.needsSMTPUTF8(envelope, header, head)
        new.note = note.encoded
        let id = await queue.makeID()
        let start = SystemClock.now()
        do {
            switch content {
            case .memory(let bytes): try await queue.submit(new, id: id, content: .memory(bytes))
            case .spilled(let spill):
                try await queue.submit(new, id: id, content: .spilled((spill as? Spill)?.spill ?? queue.makeSpill()))
            }
        } catch {
            return refuse(error, connection)
        }
        metrics.phase("commit", milliseconds: SystemClock.now() - start)
        metrics.count("mail_accepted_total", ("tag", note.tag))
        if note.untracked.isEmpty { metrics.count("mail_tracked_total", ("tag", note.tag)) }
        events.record(
            .message(
                MessageRecord(
                    message: note.message, time: new.arrival, queueID: id.description, tag: note.tag,
                    fromDomain: note.fromDomain,
                    recipients: privacy == .anonymous ? [] : new.recipients, untracked: note.untracked,
                    privacy: privacy, subject: subject(note.tag, header, head))))
        accepted(id, new, note, verdict)
        return .reply(Self.acceptance(id, settings.replyText))
    }

    /// The decoded subject, where the tag's policy keeps it.
    private func subject(_ tag: String, _ header: HeaderSection, _ head: [UInt8]) -> String {
        guard settings.policy(of: tag).keepsSubject, let field = header.first("Subject", in: head) else { return "" }
        let octets = EncodedWord.decode(HeaderSection.unfolded(field.body, in: head)).drop { $0 == 0x20 }
        return String(decoding: octets.lazy.filter { $0 >= 0x20 && $0 != 0x7F }.prefix(250), as: UTF8.self)
    }

    private func accepted(_ id: QueueID, _ new: NewMessage, _ note: MessageNote, _ verdict: TraceVerdict) {
        var tracking = ""
        if case .untracked(let reason, let detail) = verdict, reason != .notAsked {
            tracking = "\(reason.rawValue): \(detail)"
        }
        log.info(
            "accepted", ("id", id.description), ("client", note.client), ("from", "<\(new.reversePath)>"),
            ("size", "\(new.octets)"),
            ("nrcpt", "\(new.recipients.count)"), ("message-id", note.messageID), ("tag", note.tag))
        if !tracking.isEmpty { log.warning("untracked", ("id", id.description), ("reason", tracking)) }
    }

    private func refuse(_ error: any Error, _ connection: ConnectionFacts) -> ServerSession.Verdict {
        log.error("not accepted", ("client", connection.client), ("reason", "\(error)"))
        if case QueueError.diskFull = error { return .reply(Reply(452, EnhancedStatusCode(4, 3, 1), "\(error)")) }
        return .reply(Reply(451, EnhancedStatusCode(4, 3, 0), "\(error)"))
    }

    static func acceptance(_ id: QueueID, _ words: ReplyText) -> Reply {
        switch words {
        case .standard: Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(id)")
        case .directmail: Reply(250, nil, "Data Ok: queued as freedom ###envid=\(id.rawValue)")
        }
    }

    // MARK: Facts

    private func facts(
        _ envelope: Envelope, _ header: HeaderSection, _ head: [UInt8], _ connection: ConnectionFacts
    ) -> MessageFacts {
        var facts = MessageFacts(header, in: head, names: neededNames)
        facts.listener = connection.listener
        facts.client = IPAddress(connection.client)
        facts.authUser = connection.authenticatedUser
        facts.envelopeSender = envelope.reversePath.description
        facts.recipientDomains = envelope.recipients.map { $0.mailbox.domain.lowercased() }
        return facts
    }

    /// RFC 3848.
    private static func protocolWord(_ connection: ConnectionFacts) -> String {
        guard connection.isExtended else { return "SMTP" }
        return "ESMTP" + (connection.tls == nil ? "" : "S") + (connection.authenticatedUser == nil ? "" : "A")
    }

    private static func needsSMTPUTF8(_ envelope: Envelope, _ header: HeaderSection, _ head: [UInt8]) -> Bool {
        envelope.reversePath.mailbox?.isASCII == false || envelope.recipients.contains { !$0.mailbox.isASCII }
            || ByteSearch.hasHighOctets(head, in: header.range)
    }
}

/// A queue's spill as a server's.
final class Spill: ContentSpill {
    let spill: any QueueSpill

    init(_ spill: any QueueSpill) { self.spill = spill }

    func append(_ piece: [UInt8]) async throws { try await spill.append(piece) }
    func discard() { spill.discard() }
}
