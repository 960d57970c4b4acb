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

    let settings: UpstreamSettings
    private let hostname: String
    let queue: MessageQueue
    let pool: UpstreamPool
    private let codec: TokenCodec
    private let records: EventRecords
    private let budget: TransitBudget
    let context: DeliveryContext
    let log: RelayLog
    private let runState = RunState()
    /// How the upstream is.
    let health: UpstreamHealth
    /// The upstream's name.
    var name: String { settings.name }
    /// Where the upstream is.
    var address: Endpoint { settings.address }

    /// - Parameter inFlightOctets: of messages in memory at a time, on their way to this upstream.
    init(
        settings: UpstreamSettings, hostname: String, queue: MessageQueue, pool: UpstreamPool, codec: TokenCodec,
        records: EventRecords, inFlightOctets: Int, context: DeliveryContext, log: RelayLog
    ) {
        self.settings = settings
        self.hostname = hostname
        self.queue = queue
        self.pool = pool
        self.codec = codec
        self.records = records
        budget = TransitBudget(inFlightOctets)
        self.context = context
        self.log = log
        health = UpstreamHealth()
    }

    /// Works until the queue stops.
    func run() async {
        runState.begin()
        defer { runState.end() }
        await withDiscardingTaskGroup { group in
            for _ in 0..<settings.limits.connections {
                group.addTask { await self.work() }
            }
        }
        await pool.close()
    }

    /// To be called once the queue has stopped: lets the mails on their way come to their end, and cuts off what is left
    /// after `time`. What has no verdict then is deferred, or uncertain where the upstream has the content whole.
    func stop(within time: Duration) async {
        let cut = Task { [pool, log, name] in
            do {
                try await Task.sleep(for: time)
            } catch {
                return
            }
            log.warning("mail on its way is cut off", ("upstream", name), ("seconds", "\(time / .seconds(1))"))
            await pool.cutOff()
        }
        await runState.waitForEnd()
        cut.cancel()
    }

    private func work() async {
        while let lease = await queue.next(settings.name) {
            let taken = await budget.take(lease.message.octets * Self.memoryFactor)
            await deliver(lease)
            await budget.giveBack(taken)
        }
    }

    func deliver(_ lease: Lease) async {
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
        let read: @Sendable () -> Result<OutgoingMail, any Error> = { [hostname, codec] in
            Result { try OutgoingMail(message, original: original, hostname: hostname, codec: codec) }
        }
        let mail: OutgoingMail
        do {
            mail = try (isLarge ? await BlockingWork.run(read) : read()).get()
        } catch {
            return await keep(lease, until: error)
        }
        if mail.decision == nil, !message.decision.isEmpty {
            log.error("decision unreadable, mail goes out untracked", ("id", message.id.description))
        }
        var reached = LeaseOutcome()
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
            let goesOn = await attempt(mail, lease, group, isDenied: isDenied, &reached)
            if !goesOn { break }
            if index < groups.count - 1 { await keep(lease, &reached) }
        }
        await settle(lease, mail.note, mail, &reached)
    }

    /// A mail that this version would treat otherwise than was decided waits for one that will not.
    private func keep(_ lease: Lease, until reason: any Error) async {
        log.error("not sent", ("id", lease.message.id.description), ("reason", "\(reason)"))
        let outcomes = lease.message.waiting.map { ($0.number, RecipientOutcome.deferred("4.3.5 \(reason)")) }
        let note = MessageNote(encoded: lease.message.note) ?? MessageNote(message: .unknown)
        var reached = LeaseOutcome(recipients: Dictionary(uniqueKeysWithValues: outcomes))
        await settle(lease, note, nil, &reached)
    }

    private static func chunks(_ recipients: [QueuedRecipient], of size: Int) -> [[QueuedRecipient]] {
        stride(from: 0, to: recipients.count, by: size).map { Array(recipients[$0..<min($0 + size, recipients.count)]) }
    }

    // MARK: Ends

    /// What was reached so far is kept before the next transaction.
    func keep(_ lease: Lease, _ reached: inout LeaseOutcome) async {
        await queue.progress(lease, reached.recipients, telling: reached.take())
    }

    private func settle(
        _ lease: Lease, _ note: MessageNote, _ mail: OutgoingMail?, _ reached: inout LeaseOutcome
    ) async {
        let told = reached.take()
        let settlement = await queue.settle(lease, reached.recipients) { [records, name] settlement in
            told
                + settlement.expired.map { recipient in
                    records.record(
                        .delivery(
                            DeliveryRecord(
                                message: note.message, time: SystemClock.now(), recipient: recipient.number,
                                status: "expired", upstream: name, reply: recipient.lastReply, passedThrough: "",
                                isTracked: false, links: [:])))
                }
        }
        let isRemoved = settlement.nextAttempt == nil && !settlement.isKept
        if isRemoved, let mail { context.archive(note.message, lease.message, mail) }
        for recipient in settlement.expired {
            log.warning(
                "expired", ("id", lease.message.id.description), ("to", "<\(recipient.address)>"),
                ("reason", recipient.lastReply))
            context.metrics.count("delivery_total", ("status", "expired"), ("upstream", settings.name))
        }
        for recipient in settlement.failed {
            log.warning(
                "kept as failed", ("id", lease.message.id.description), ("to", "<\(recipient.address)>"),
                ("reason", recipient.lastReply), ("see", "tracerelay queue list"))
        }
        if isRemoved { log.info("removed", ("id", lease.message.id.description)) }
    }

    // MARK: Upstream trouble

    /// Leaves the upstream alone for a while, loudly.
    func pause(_ failure: UpstreamFailure) async {
        guard failure != .stopping, let wait = await health.failed(failure, now: SystemClock.now()) else { return }
        await queue.pause(settings.name, for: wait)
        let message =
            failure.needsOperator ? "upstream paused: it needs your attention; its mail waits" : "upstream paused"
        log.error(
            message, ("upstream", settings.name), ("relay", settings.address.description),
            ("seconds", "\(Int(wait / .seconds(1)))"),
            ("reason", failure.sentence))
    }

    // MARK: Log and events

    struct AttemptRecord {
        let mail: OutgoingMail
        let message: QueuedMessage
        let outcome: TransformOutcome?
        let report: DeliveryReport
        let start: Int64
        /// Number of the recipient whose number the tokens of this copy carry.
        let first: Int
        /// How many recipients the transaction has.
        let recipients: Int
        /// The recipient with whom the copy's links are counted: the first that has it.
        let bearer: Int

        /// Whether the copy can be told by its hits.
        var isTracked: Bool {
            guard case .tracked? = outcome else { return false }
            return mail.decision?.mode == .local
        }

        /// The copy, where it is no recipient's own.
        var shared: SharedCopy? {
            isTracked && mail.decision?.isShared(by: message.recipients.count) == true
                ? SharedCopy(number: first, recipients: recipients) : nil
        }

        var links: [String: Int] {
            var links: [String: Int] = [:]
            for link in outcome?.report.parts.flatMap(\.links) ?? [] {
                links[link.number != nil ? "tracked" : link.reason?.rawValue ?? "left", default: 0] += 1
            }
            return links
        }
    }

    func note(_ outcome: TransformOutcome?, _ message: QueuedMessage) {
        guard case .passedThrough(let reason, _)? = outcome else { return }
        if reason == .selfCheckFailed {
            log.error("self-check failed, original sent", ("id", message.id.description), ("reason", reason.sentence))
        } else {
            log.warning(
                "passed through", ("id", message.id.description), ("reason", "\(reason.rawValue): \(reason.sentence)"))
        }
    }

    /// Logs and counts what an attempt came to for a recipient, and has it told.
    func write(
        _ record: AttemptRecord, _ recipient: QueuedRecipient, _ status: String, dsn: String, _ reply: String,
        _ reached: inout LeaseOutcome
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
            // Where no session came about there is nothing to say of it: "none" is what goes in clear.
            ("tls", record.report.tls ?? (settings.tls == .none ? "none" : "-")),
            ("dsn", dsn), ("status", status), ("reply", reply))
        var passed = ""
        if case .passedThrough(let reason, _)? = record.outcome { passed = reason.rawValue }
        let links = recipient.number == record.bearer ? record.links : [:]
        reached.tell(
            records.record(
                .delivery(
                    DeliveryRecord(
                        message: record.mail.note.message, time: now, recipient: recipient.number, status: status,
                        upstream: settings.name, reply: reply, passedThrough: passed,
                        isTracked: status == "sent" && record.isTracked, links: links, shared: record.shared))))
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
