import MailMessage
import MessageQueue
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import Tracking

extension Delivery {
    /// What a transaction came to.
    private struct Progress {
        /// Whether the next one may be tried at once.
        var goesOn: Bool
        /// Recipients that have the mail now.
        var accepted = 0
        /// Recipients the upstream wants to have in another transaction.
        var postponed: [Postponed] = []
    }

    private struct Postponed {
        let recipient: QueuedRecipient
        let status: EnhancedStatusCode
        let text: String
    }

    /// Brings a copy to its recipients: in one transaction, and at once in others for those the upstream wants to have
    /// apart (RFC 5321 §4.5.3.1.10), as long as each gets something done.
    /// - Returns: whether the next group may be tried at once.
    func attempt(
        _ mail: OutgoingMail, _ lease: Lease, _ group: [QueuedRecipient], isDenied: Bool,
        _ reached: inout LeaseOutcome
    ) async -> Bool {
        // One that cannot be read back is no reason to withhold the mail from the others.
        for recipient in group where Mailbox(recipient.address) == nil {
            reached.recipients[recipient.number] = .failed("5.1.3 the address cannot be read back")
        }
        var rest = group.filter { reached.recipients[$0.number] == nil }
        var size = rest.count
        while !rest.isEmpty {
            let part = Array(rest.prefix(size))
            let record = await send(mail, lease.message, part, isDenied: isDenied, &reached)
            guard let record else { return true }
            let progress = await judge(record, part, &reached)
            let mayPostpone = progress.goesOn && progress.accepted > 0
            guard mayPostpone else {
                for postponed in progress.postponed { postpone(postponed, record, &reached) }
                return progress.goesOn
            }
            rest = progress.postponed.map(\.recipient) + rest.dropFirst(part.count)
            guard let first = progress.postponed.first else { continue }
            size = progress.accepted
            log.info(
                "the rest goes in another transaction", ("id", lease.message.id.description),
                ("recipients", "\(rest.count)"), ("relay", settings.address.description), ("reply", first.text))
            await keep(lease, &reached)
        }
        return true
    }

    // MARK: One transaction

    /// - Returns: `nil` where nothing could be sent.
    private func send(
        _ mail: OutgoingMail, _ message: QueuedMessage, _ group: [QueuedRecipient], isDenied: Bool,
        _ reached: inout LeaseOutcome
    ) async -> AttemptRecord? {
        let number = group.first?.number ?? 0
        let limit = settings.maximumMessageOctets
        let rendering = SystemClock.now()
        let (content, octets, outcome) =
            mail.original.count > 256 << 10
            ? await BlockingWork.run { mail.render(recipient: number, limit: limit, isDenied: isDenied) }
            : mail.render(recipient: number, limit: limit, isDenied: isDenied)
        note(outcome, message)
        let paths = group.compactMap { recipient in Mailbox(recipient.address).map { ForwardPath($0) } }
        guard paths.count == group.count, let reversePath = reversePath(message) else {
            for recipient in group {
                reached.recipients[recipient.number] = .failed("5.1.7 the sender cannot be read back")
            }
            return nil
        }
        let transaction = Transaction(
            reversePath: reversePath, recipients: paths, octets: octets,
            isEightBit: content.hasHighOctets, needsSMTPUTF8: message.needsSMTPUTF8)
        let start = SystemClock.now()
        context.metrics.phase("render", milliseconds: start - rendering)
        if message.attempts == 0 { context.metrics.phase("wait", milliseconds: rendering - message.arrival) }
        var report = await pool.deliver(transaction, content)
        if case .needsSevenBit = report.outcome { report = await deliverInSevenBit(transaction, content, message.id) }
        context.metrics.phase("send", milliseconds: SystemClock.now() - start)
        var bearer = number
        if case .answered(let replies) = report.outcome {
            bearer = zip(group, replies).first { $1.isAccepted }?.0.number ?? number
        }
        return AttemptRecord(
            mail: mail, message: message, outcome: outcome, report: report, start: start, first: number,
            recipients: group.count, bearer: bearer)
    }

    /// - Returns: `nil` where there is a sender and it cannot be read: without one the mail would go out as a bounce.
    private func reversePath(_ message: QueuedMessage) -> ReversePath? {
        guard !message.reversePath.isEmpty else { return ReversePath(nil) }
        let sender = settings.rewritesSender ? settings.username ?? "" : message.reversePath
        return Mailbox(sender).map { ReversePath($0) }
    }

    /// Once more for an upstream without 8BITMIME (RFC 6152 §3); what cannot be converted fails.
    private func deliverInSevenBit(
        _ transaction: Transaction, _ content: OutgoingContent, _ id: QueueID
    ) async -> DeliveryReport {
        do {
            let converted = try SevenBitConversion.convert(content.joined)
            var transaction = transaction
            transaction.isEightBit = false
            if converted.count != transaction.octets {
                log.info("converted to 7 bit", ("id", id.description), ("relay", settings.address.description))
            }
            transaction.octets = converted.count
            return await pool.deliver(transaction, OutgoingContent(pieces: [converted[...]]))
        } catch {
            let reason = error == .signed ? "its signature covers 8-bit content" : "its structure cannot be read"
            let reply = Reply(
                554, EnhancedStatusCode(5, 6, 3),
                "The upstream offers no 8BITMIME, and conversion is not possible: \(reason)")
            return DeliveryReport(
                outcome: .answered(transaction.recipients.map { _ in RecipientReply(reply: reply, phase: .mail) }))
        }
    }

    // MARK: Verdicts

    private func judge(
        _ record: AttemptRecord, _ group: [QueuedRecipient], _ reached: inout LeaseOutcome
    ) async -> Progress {
        switch record.report.outcome {
        case .answered(let replies): return await judge(replies, record, group, &reached)
        // The same content was refused twice for its octets: the upstream changed its mind between two connections.
        case .needsSevenBit:
            return `defer`(group, record, "deferred", dsn: "4.6.3", "the upstream offers 8BITMIME at times", &reached)
        case .failed(let failure):
            await pause(failure)
            return `defer`(group, record, "deferred", dsn: "\(failure.status)", failure.sentence, &reached)
        case .uncertain(let failure):
            let text = "\(failure.sentence); the upstream may have the mail or not: it will be sent again"
            return `defer`(group, record, "uncertain", dsn: "4.4.2", text, &reached)
        }
    }

    private func `defer`(
        _ group: [QueuedRecipient], _ record: AttemptRecord, _ status: String, dsn: String, _ text: String,
        _ reached: inout LeaseOutcome
    ) -> Progress {
        for recipient in group {
            reached.recipients[recipient.number] = .deferred(text)
            write(record, recipient, status, dsn: dsn, text, &reached)
        }
        return Progress(goesOn: false)
    }

    private func judge(
        _ replies: [RecipientReply], _ record: AttemptRecord, _ group: [QueuedRecipient],
        _ reached: inout LeaseOutcome
    ) async -> Progress {
        var progress = Progress(goesOn: true)
        var complaint: UpstreamFailure?
        for (recipient, result) in zip(group, replies) {
            let dsn = "\(result.reply.status)"
            if result.isAccepted {
                progress.accepted += 1
                reached.recipients[recipient.number] = .delivered(result.reply.description)
                write(record, recipient, "sent", dsn: dsn, result.reply.description, &reached)
                continue
            }
            let (verdict, sentence) = settings.replies.classify(result)
            let text = "\(result.reply) (\(result.phase.rawValue)\(sentence.map { ": \($0)" } ?? ""))"
            if result.reply.code == 421 { progress.goesOn = false }
            switch verdict {
            case .nextTransaction:
                progress.postponed.append(Postponed(recipient: recipient, status: result.reply.status, text: text))
            case .deferred, .paused:
                if verdict == .paused { complaint = .misconfigured(result, advice: sentence ?? "see its manual") }
                reached.recipients[recipient.number] = .deferred(text)
                write(record, recipient, "deferred", dsn: dsn, text, &reached)
            case .failed:
                reached.recipients[recipient.number] = .failed(text)
                write(record, recipient, "bounced", dsn: dsn, text, &reached)
            }
        }
        if let complaint {
            progress.goesOn = false
            await pause(complaint)
        } else {
            await health.succeeded(record.report, now: SystemClock.now())
        }
        return progress
    }

    private func postpone(
        _ postponed: Postponed, _ record: AttemptRecord, _ reached: inout LeaseOutcome
    ) {
        reached.recipients[postponed.recipient.number] = .deferred(postponed.text)
        write(record, postponed.recipient, "deferred", dsn: "\(postponed.status)", postponed.text, &reached)
    }
}

extension OutgoingContent {
    /// Whether 8BITMIME is needed.
    fileprivate var hasHighOctets: Bool {
        pieces.contains { piece in piece.withUnsafeBufferPointer { buffer in buffer.contains { $0 >= 0x80 } } }
    }
}
