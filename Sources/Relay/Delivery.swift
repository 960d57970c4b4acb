import MailMessage
import MessageQueue
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import Tracking
import TrackingEvents

/// Brings one upstream's mail to it: workers lease, render, send and settle.
final class Delivery: Sendable {
    /// Octets of memory per octet of message on its way: original, decoded part, rewritten part, wire. A text that grows
    /// more, as Chinese in quoted-printable does, is bounded by the transform's limits.
    private static let memoryFactor = 4

    private let settings: UpstreamSettings
    private let hostname: String
    private let queue: MessageQueue
    private let pool: UpstreamPool
    private let codec: TokenCodec
    private let events: any EventSink
    private let budget: ByteBudget
    private let context: DeliveryContext
    private let log: RelayLog
    /// How the upstream is.
    let health: UpstreamHealth
    /// The upstream's name.
    var name: String { settings.name }
    /// Where the upstream is.
    var address: Endpoint { settings.address }

    init(
        settings: UpstreamSettings, hostname: String, queue: MessageQueue, pool: UpstreamPool, codec: TokenCodec,
        events: any EventSink, budget: ByteBudget, context: DeliveryContext, log: RelayLog
    ) {
        self.settings = settings
        self.hostname = hostname
        self.queue = queue
        self.pool = pool
        self.codec = codec
        self.events = events
        self.budget = budget
        self.context = context
        self.log = log
        health = UpstreamHealth()
    }

    /// Works until the queue stops.
    func run() async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<settings.connections {
                group.addTask { await self.work() }
            }
        }
        await pool.close()
    }

    private func work() async {
        while let lease = await queue.next(settings.name) {
            let taken = await budget.take(lease.message.place.count * Self.memoryFactor)
            await deliver(lease)
            await budget.giveBack(taken)
        }
    }

    private func deliver(_ lease: Lease) async {
        let message = lease.message
        let original: [UInt8]
        do {
            original = try await queue.content(of: lease)
        } catch {
            log.error("content unreadable", ("id", message.id.description), ("reason", "\(error)"))
            if case QueueError.damaged = error { return }
            _ = await queue.settle(lease, [:])
            return
        }
        // A large mail takes its time: not on the threads that all others share.
        let isLarge = original.count > 256 << 10
        let mail =
            isLarge
            ? await BlockingWork.run { [hostname, codec] in
                OutgoingMail(message, original: original, hostname: hostname, codec: codec)
            } : OutgoingMail(message, original: original, hostname: hostname, codec: codec)
        if mail.decision == nil, !message.decision.isEmpty {
            log.error("decision unreadable, mail goes out untracked", ("id", message.id.description))
        }
        var outcomes: [Int: RecipientOutcome] = [:]
        let waiting = message.waiting
        let denied = mail.decision == nil ? [] : Set(waiting.map(\.address).filter(context.isDenied))
        let size = min(1_000, settings.maximumRecipients)
        let groups =
            mail.isSplit
            ? waiting.map { [$0] }
            : Self.chunks(waiting.filter { !denied.contains($0.address) }, of: size)
                + Self.chunks(waiting.filter { denied.contains($0.address) }, of: size)
        for (index, group) in groups.enumerated() {
            let isDenied = group.first.map { denied.contains($0.address) } ?? false
            let goesOn = await attempt(mail, message, group, isDenied: isDenied, &outcomes)
            if !goesOn { break }
            if index < groups.count - 1 { await queue.progress(lease, outcomes) }
        }
        await settle(lease, mail, outcomes)
    }

    private static func chunks(_ recipients: [QueuedRecipient], of size: Int) -> [[QueuedRecipient]] {
        stride(from: 0, to: recipients.count, by: size).map { Array(recipients[$0..<min($0 + size, recipients.count)]) }
    }

    // MARK: One transaction

    /// - Returns: whether the next group may be tried at once.
    private func attempt(
        _ mail: OutgoingMail, _ message: QueuedMessage, _ group: [QueuedRecipient], isDenied: Bool,
        _ outcomes: inout [Int: RecipientOutcome]
    ) async -> Bool {
        let number = group.first?.number ?? 0
        let limit = settings.maximumMessageOctets
        let rendering = SystemClock.now()
        let (content, octets, outcome) =
            mail.original.count > 256 << 10
            ? await BlockingWork.run { mail.render(recipient: number, limit: limit, isDenied: isDenied) }
            : mail.render(recipient: number, limit: limit, isDenied: isDenied)
        note(outcome, message)
        let paths = group.compactMap { recipient in Mailbox(recipient.address).map { ForwardPath($0) } }
        guard paths.count == group.count else {
            for recipient in group { outcomes[recipient.number] = .failed("5.1.3 the address cannot be read back") }
            return true
        }
        let sender =
            settings.rewritesSender && !message.reversePath.isEmpty ? settings.username ?? "" : message.reversePath
        let transaction = Transaction(
            reversePath: ReversePath(sender.isEmpty ? nil : Mailbox(sender)), recipients: paths, octets: octets,
            isEightBit: content.hasHighOctets, needsSMTPUTF8: message.needsSMTPUTF8)
        let start = SystemClock.now()
        context.metrics.phase("render", milliseconds: start - rendering)
        if message.attempts == 0 { context.metrics.phase("wait", milliseconds: rendering - message.arrival) }
        var report = await pool.deliver(transaction, content)
        if case .needsSevenBit = report.outcome { report = await deliverInSevenBit(transaction, content, message.id) }
        context.metrics.phase("send", milliseconds: SystemClock.now() - start)
        let record = AttemptRecord(
            mail: mail, message: message, outcome: outcome, report: report, start: start, first: number)
        switch report.outcome {
        case .answered(let replies):
            await health.succeeded(report, now: SystemClock.now())
            return judge(replies, group, record, &outcomes)
        case .needsSevenBit: return true
        case .failed(let failure):
            for recipient in group {
                outcomes[recipient.number] = .deferred(failure.sentence)
                write(record, recipient, "deferred", dsn: "4.4.1", failure.sentence)
            }
            await pause(failure)
            return false
        case .uncertain(let failure):
            let text = "\(failure.sentence); the upstream may have the mail or not: it will be sent again"
            for recipient in group {
                outcomes[recipient.number] = .deferred(text)
                write(record, recipient, "uncertain", dsn: "4.4.2", text)
            }
            return false
        }
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

    /// - Returns: `false` where the upstream wants less.
    private func judge(
        _ replies: [RecipientReply], _ group: [QueuedRecipient], _ record: AttemptRecord,
        _ outcomes: inout [Int: RecipientOutcome]
    ) -> Bool {
        var goesOn = true
        for (recipient, result) in zip(group, replies) {
            if result.isAccepted {
                outcomes[recipient.number] = .delivered(result.reply.description)
                write(record, recipient, "sent", dsn: "\(result.reply.status)", result.reply.description)
                continue
            }
            let (verdict, sentence) = settings.replies.classify(result.reply)
            let text = "\(result.reply) (\(result.phase.rawValue)\(sentence.map { ": \($0)" } ?? ""))"
            switch verdict {
            case .deferred:
                outcomes[recipient.number] = .deferred(text)
                write(record, recipient, "deferred", dsn: "\(result.reply.status)", text)
                if result.reply.code == 421 { goesOn = false }
            case .failed:
                outcomes[recipient.number] = .failed(text)
                write(record, recipient, "bounced", dsn: "\(result.reply.status)", text)
            }
        }
        return goesOn
    }

    private func settle(_ lease: Lease, _ mail: OutgoingMail, _ outcomes: [Int: RecipientOutcome]) async {
        let settlement = await queue.settle(lease, outcomes)
        if settlement.nextAttempt == nil { context.archive(mail.note.message, lease.message, mail) }
        for recipient in settlement.expired {
            log.warning(
                "expired", ("id", lease.message.id.description), ("to", "<\(recipient.address)>"),
                ("reason", recipient.lastReply))
            events.record(
                .delivery(
                    DeliveryRecord(
                        message: mail.note.message, time: SystemClock.now(), recipient: recipient.number,
                        status: "expired",
                        upstream: settings.name, reply: recipient.lastReply, passedThrough: "", isTracked: false,
                        links: [:])))
            context.metrics.count("delivery_total", ("status", "expired"), ("upstream", settings.name))
        }
        if settlement.nextAttempt == nil { log.info("removed", ("id", lease.message.id.description)) }
    }

    // MARK: Upstream trouble

    private func pause(_ failure: UpstreamFailure) async {
        guard let wait = await health.failed(failure, now: SystemClock.now()) else { return }
        await queue.pause(settings.name, until: SystemClock.now() + wait)
        let message =
            failure.needsOperator ? "upstream paused: it needs your attention; its mail waits" : "upstream paused"
        log.error(
            message, ("upstream", settings.name), ("relay", settings.address.description),
            ("seconds", "\(wait / 1_000)"),
            ("reason", failure.sentence))
    }

    // MARK: Log and events

    private struct AttemptRecord {
        let mail: OutgoingMail
        let message: QueuedMessage
        let outcome: TransformOutcome?
        let report: DeliveryReport
        let start: Int64
        /// Number of the recipient whose number the tokens of this copy carry.
        let first: Int

        /// Whether hits can tell this recipient's copy.
        func tracks(_ recipient: QueuedRecipient) -> Bool {
            guard case .tracked? = outcome, mail.decision?.mode == .local else { return false }
            return recipient.number == first
        }

        var links: [String: Int] {
            var links: [String: Int] = [:]
            for link in outcome?.report.parts.flatMap(\.links) ?? [] {
                links[link.number != nil ? "tracked" : link.reason?.rawValue ?? "left", default: 0] += 1
            }
            return links
        }
    }

    private func note(_ outcome: TransformOutcome?, _ message: QueuedMessage) {
        guard case .passedThrough(let reason, _)? = outcome else { return }
        if reason == .selfCheckFailed {
            log.error("self-check failed, original sent", ("id", message.id.description), ("reason", reason.sentence))
        } else {
            log.warning(
                "passed through", ("id", message.id.description), ("reason", "\(reason.rawValue): \(reason.sentence)"))
        }
    }

    private func write(
        _ record: AttemptRecord, _ recipient: QueuedRecipient, _ status: String, dsn: String, _ reply: String
    ) {
        let now = SystemClock.now()
        func seconds(_ milliseconds: Int64) -> String {
            let hundredths = max(0, milliseconds) / 10
            return "\(hundredths / 100).\(String(100 + hundredths % 100).dropFirst())"
        }
        let setup = Int64(record.report.setup / .milliseconds(1))
        let sending = Int64(record.report.transmission / .milliseconds(1))
        let waiting = max(0, now - record.start - setup - sending)
        let delays = [record.start - record.message.arrival, waiting, setup, sending].map(seconds).joined(
            separator: "/")
        log.info(
            "delivery", ("id", record.message.id.description), ("to", "<\(recipient.address)>"),
            ("relay", settings.address.description), ("delay", seconds(now - record.message.arrival)),
            ("delays", delays),
            ("tls", record.report.tls ?? "none"), ("dsn", dsn), ("status", status), ("reply", reply))
        var passed = ""
        if case .passedThrough(let reason, _)? = record.outcome { passed = reason.rawValue }
        let links = recipient.number == record.first ? record.links : [:]
        events.record(
            .delivery(
                DeliveryRecord(
                    message: record.mail.note.message, time: now, recipient: recipient.number, status: status,
                    upstream: settings.name, reply: reply, passedThrough: passed,
                    isTracked: status == "sent" && record.tracks(recipient), links: links)))
        context.metrics.count("delivery_total", ("status", status), ("upstream", settings.name))
        guard status == "sent" else { return }
        if !passed.isEmpty { context.metrics.count("mail_passed_through_total", ("reason", passed)) }
        for (outcome, count) in links {
            let isTracked = outcome == "tracked"
            context.metrics.count(
                "links_total", ("result", isTracked ? "tracked" : "left"), ("reason", isTracked ? "" : outcome),
                by: count)
        }
    }
}

/// What all deliveries share besides queue and events.
struct DeliveryContext: Sendable {
    let metrics: RelayMetrics
    /// Whether an address is on the deny list.
    let isDenied: @Sendable (String) -> Bool
    /// Called with each mail that leaves the queue.
    let archive: @Sendable (TrackingMessageID, QueuedMessage, OutgoingMail) -> Void
}

/// How long to leave a failing upstream alone.
actor UpstreamHealth {
    /// What is known of an upstream.
    struct State: Sendable {
        /// The latest mail that was answered, milliseconds since 1970.
        var success: Int64?
        /// TLS of it.
        var tls: String?
        /// Days until its certificate ends.
        var certificateDaysLeft: Int?
        /// The latest failure of a connection.
        var failure: (time: Int64, sentence: String)?
        var pausedUntil: Int64 = 0
    }

    private var failures = 0
    private(set) var state = State()
    private var pausedUntil: Int64 { state.pausedUntil }

    func succeeded(_ report: DeliveryReport, now: Int64) {
        failures = 0
        state.success = now
        state.tls = report.tls
        state.certificateDaysLeft = report.certificateDaysLeft
    }

    /// - Returns: milliseconds to wait; `nil` where it is paused already or a single lost connection says nothing yet.
    func failed(_ failure: UpstreamFailure, now: Int64) -> Int64? {
        state.failure = (now, failure.sentence)
        guard now >= pausedUntil else { return nil }
        failures += 1
        if case .lost = failure, failures < 3 { return nil }
        let wait: Int64 = failure.needsOperator ? 60_000 : min(60_000, 5_000 << Int64(min(failures - 1, 4)))
        state.pausedUntil = now + wait
        return wait
    }
}

extension OutgoingContent {
    /// Whether 8BITMIME is needed.
    fileprivate var hasHighOctets: Bool {
        pieces.contains { piece in piece.withUnsafeBufferPointer { buffer in buffer.contains { $0 >= 0x80 } } }
    }
}
