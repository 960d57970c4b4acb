import MailMessage
import MessageQueue
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import Tracking
import TrackingEvents

extension Submission {
    /// A mail that has passed so many servers is in a loop (RFC 5321 §6.3).
    private static let maximumHops = 50

    /// Why a mail is refused, and in which words.
    private struct Refusal: Error {
        /// For the counter.
        let reason: String
        let reply: Reply
    }

    /// A mail that has come in whole, and what is known of it.
    private struct Arrival {
        let envelope: Envelope
        let content: ReceivedContent<Spill>
        let connection: ConnectionFacts
        let head: [UInt8]
        let header: HeaderSection
        let facts: MessageFacts
        let verdict: TraceVerdict
        /// The policies that all of it is judged by, whatever comes into force meanwhile.
        let book: PolicySnapshot
    }

    func message(
        _ envelope: Envelope, _ content: ReceivedContent<Spill>, _ connection: ConnectionFacts
    ) async -> ServerSession.Verdict {
        do {
            let arrival = try judge(envelope, content, connection)
            return .reply(try await submit(arrival))
        } catch {
            // Nothing happens where the queue has it already.
            content.discard()
            metrics.count("mail_refused_total", ("reason", error.reason))
            log.warning(
                "refused", ("client", connection.client), ("from", "<\(envelope.reversePath)>"),
                ("reason", error.reason), ("reply", error.reply.description))
            return .reply(error.reply)
        }
    }

    private func judge(
        _ envelope: Envelope, _ content: ReceivedContent<Spill>, _ connection: ConnectionFacts
    ) throws(Refusal) -> Arrival {
        let head = content.head
        let header: HeaderSection
        do {
            header = try HeaderSection.parse(head, in: head.indices, looseBase64Continuation: [TraceHeader.name])
        } catch {
            throw Refusal(
                reason: "header-too-large",
                reply: Reply(552, EnhancedStatusCode(5, 3, 4), "The header section is too large"))
        }
        guard header.all("Received", in: head).count < Self.maximumHops else {
            throw Refusal(
                reason: "too-many-hops",
                reply: Reply(554, EnhancedStatusCode(5, 4, 6), "Too many hops: this mail is in a loop"))
        }
        let book = book.current
        let facts = facts(envelope, header, head, connection, names: book.policies.neededHeaderNames)
        let verdict = book.policies.decide(facts)
        if case .reject(let code, let enhanced, let text, let reason) = verdict {
            throw Refusal(reason: reason.rawValue, reply: Reply(code, EnhancedStatusCode(enhanced), text))
        }
        return Arrival(
            envelope: envelope, content: content, connection: connection, head: head, header: header, facts: facts,
            verdict: verdict, book: book)
    }

    private func submit(_ arrival: Arrival) async throws(Refusal) -> Reply {
        let time = SystemClock.now()
        let note = note(arrival, time)
        let envelope = arrival.envelope
        var new = NewMessage(
            arrival: time, upstream: arrival.book.policies.upstream(of: arrival.verdict) ?? "default",
            reversePath: envelope.reversePath.description, recipients: envelope.distinctRecipients.map(\.description),
            octets: arrival.content.count)
        if case .track(let decision) = arrival.verdict { new.decision = decision.encoded() }
        if let limit = settings.upstreams[new.upstream]?.maximumMessageOctets, new.octets > limit {
            throw Refusal(
                reason: "too-large-for-upstream",
                reply: Reply(
                    552, EnhancedStatusCode(5, 3, 4), "Message exceeds the \(limit) octets the upstream takes"))
        }
        new.needsSMTPUTF8 = try await needsSMTPUTF8(arrival, new.upstream)
        new.note = note.encoded
        let id = await queue.makeID()
        let start = SystemClock.now()
        do {
            let told = records.record(.message(record(id, new, note, arrival)))
            try await queue.submit(new, id: id, content: arrival.content.queued, telling: [told])
        } catch {
            throw storageRefusal(error)
        }
        metrics.phase("commit", milliseconds: SystemClock.now() - start)
        accepted(id, new, note, arrival)
        return Self.acceptance(id, settings.replyText)
    }

    /// Whether the mail can only go to an upstream that offers SMTPUTF8 (RFC 6531 §3.2). With addresses in ASCII it can go
    /// to any: a raw header goes on as it came, as it does for clients that do not use the parameter.
    private func needsSMTPUTF8(_ arrival: Arrival, _ upstream: String) async throws(Refusal) -> Bool {
        let envelope = arrival.envelope
        guard envelope.parameters.smtpUTF8 else { return false }
        let isRequired =
            envelope.reversePath.mailbox?.isASCII == false || envelope.recipients.contains { !$0.mailbox.isASCII }
        guard isRequired || ByteSearch.hasHighOctets(arrival.head, in: arrival.header.range) else { return false }
        let takes = await routes.takesSMTPUTF8(upstream)
        guard isRequired else { return takes == true }
        switch takes {
        case true?: return true
        case false?:
            throw Refusal(
                reason: "smtputf8-not-taken",
                reply: Reply(
                    550, EnhancedStatusCode(5, 6, 7),
                    "The upstream takes no addresses outside ASCII (it offers no SMTPUTF8)"))
        case nil:
            throw Refusal(
                reason: "smtputf8-not-known",
                reply: Reply(
                    451, EnhancedStatusCode(4, 4, 1),
                    "Whether the upstream takes addresses outside ASCII is not known yet; try again later"))
        }
    }

    private func note(_ arrival: Arrival, _ time: Int64) -> MessageNote {
        var note = newNote(time)
        note.helo = arrival.connection.helloName ?? ""
        note.client = arrival.connection.client
        note.with = Self.protocolWord(arrival.connection)
        note.fromDomain = arrival.facts.fromDomain ?? ""
        note.messageID =
            arrival.header.first("Message-ID", in: arrival.head).map {
                EscapedText.escape(HeaderSection.unfolded($0.body, in: arrival.head).filter { $0 != 0x20 }, limit: 250)
            } ?? ""
        note.privacy = arrival.book.policies.privacy(of: arrival.verdict)
        switch arrival.verdict {
        case .track(let decision): note.tag = decision.tag.description
        case .untracked(let reason, _, let tag):
            note.untracked = reason.rawValue
            note.tag = tag?.description ?? ""
        case .reject: break
        }
        return note
    }

    /// What is told of the mail once it is in the queue.
    private func record(_ id: QueueID, _ new: NewMessage, _ note: MessageNote, _ arrival: Arrival) -> MessageRecord {
        let privacy = note.privacy ?? .pseudonymous
        var isShared = false
        if case .track(let decision) = arrival.verdict { isShared = decision.isShared(by: new.recipients.count) }
        return MessageRecord(
            message: note.message, time: new.arrival, queueID: id.description, tag: note.tag,
            fromDomain: note.fromDomain, recipients: privacy == .anonymous ? [] : new.recipients,
            untracked: note.untracked, privacy: privacy, subject: subject(note.tag, arrival),
            isShared: isShared)
    }

    private func accepted(_ id: QueueID, _ new: NewMessage, _ note: MessageNote, _ arrival: Arrival) {
        metrics.count("mail_accepted_total", ("tag", note.tag))
        if note.untracked.isEmpty {
            metrics.count("mail_tracked_total", ("tag", note.tag))
        } else {
            metrics.count("mail_untracked_total", ("reason", note.untracked))
        }
        log.info(
            "accepted", ("id", id.description), ("client", note.client), ("from", "<\(new.reversePath)>"),
            ("size", "\(new.octets)"),
            ("nrcpt", "\(new.recipients.count)"), ("message-id", note.messageID), ("tag", note.tag))
        if case .untracked(let reason, let detail, _) = arrival.verdict, reason != .notAsked {
            log.warning("untracked", ("id", id.description), ("reason", "\(reason.rawValue): \(detail)"))
        }
    }

    /// The decoded subject, where the tag's policy keeps it.
    private func subject(_ tag: String, _ arrival: Arrival) -> String {
        guard arrival.book.policy(of: tag).keepsSubject,
            let field = arrival.header.first("Subject", in: arrival.head)
        else { return "" }
        let octets = EncodedWord.decode(HeaderSection.unfolded(field.body, in: arrival.head)).drop { $0 == 0x20 }
        return String(decoding: octets.lazy.filter { $0 >= 0x20 && $0 != 0x7F }.prefix(250), as: UTF8.self)
    }

    private func storageRefusal(_ error: any Error) -> Refusal {
        log.error("not accepted", ("reason", "\(error)"))
        switch error {
        case QueueError.full:
            return Refusal(reason: "disk-full", reply: Reply(452, EnhancedStatusCode(4, 3, 1), "\(error)"))
        default: return Refusal(reason: "storage", reply: Reply(451, EnhancedStatusCode(4, 3, 0), "\(error)"))
        }
    }

    static func acceptance(_ id: QueueID, _ words: ReplyText) -> Reply {
        switch words {
        case .standard: Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(id)")
        case .directmail: Reply(250, nil, "Data Ok: queued as freedom ###envid=\(id.rawValue)")
        }
    }
}
