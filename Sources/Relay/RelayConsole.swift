import CoreMetrics
import Foundation
import MailMessage
import MessageQueue
import OpenSSLBridge
import RelayConfiguration
import SMTPTransport
import StorageSQLite
import Tracking
import TrackingEvents
import TrackingWeb

/// What the console sees of the relay.
struct RelayConsole: Sendable {
    let settings: RelaySettings
    let book: PolicyBook
    let queue: MessageQueue
    let reader: EventReader
    let log: SQLiteEventLog
    let codec: TokenCodec
    let sources: SourceArchive
    let deliveries: [Delivery]
    let files: TrackingFiles
    let metrics: RelayMetrics
    let connections: WebConnections

    func services() -> ConsoleServices {
        ConsoleServices(
            hostname: settings.hostname, events: reader,
            queue: ConsoleQueue(queue: queue), policies: { book.current.lines }, sentences: Self.sentences,
            source: { await source($0, $1) }, health: { await health() }, now: SystemClock.now)
    }

    static let sentences: [String: String] = {
        var sentences: [String: String] = [:]
        for reason in PassThroughReason.allCases { sentences[reason.rawValue] = reason.sentence }
        for reason in LinkReason.allCases { sentences[reason.rawValue] = reason.sentence }
        for reason in UntrackedReason.allCases { sentences[reason.rawValue] = reason.sentence }
        return sentences.mapValues { $0.replacing("`", with: "") }
    }()

    // MARK: Source

    private func source(_ message: String, _ queueID: String) async -> MailSource? {
        if let id = TrackingMessageID(hexadecimal: message),
            let archived = await sources.entry(id, now: SystemClock.now())
        {
            return await BlockingWork.run { render(archived.message, archived.content) }
        }
        guard let id = QueueID(queueID), let queued = try? await queue.message(id),
            let content = try? await queue.content(of: id)
        else { return nil }
        return await BlockingWork.run { render(queued, content) }
    }

    private func render(_ message: QueuedMessage, _ content: [UInt8]) -> MailSource {
        let mail: OutgoingMail
        do {
            mail = try OutgoingMail(message, original: content, hostname: settings.hostname, codec: codec)
        } catch {
            return MailSource(
                original: content, sent: [], report: "\(error)", originalHTML: Self.html(content), sentHTML: nil)
        }
        let (sent, _, outcome) = mail.render(recipient: 0)
        let output = sent.joined
        let verdict: Explanation
        switch outcome {
        case .tracked(let report)?:
            verdict = Explanation(
                verdict: mail.decision?.mode == .upstream ? "left to the upstream" : "tracked", reason: "",
                tag: mail.note.tag, report: report, original: content, output: output)
        case .passedThrough(let reason, let report)?:
            verdict = Explanation(
                verdict: "passed-through", reason: "\(reason.rawValue): \(reason.sentence)", tag: mail.note.tag,
                report: report, original: content, output: output)
        case nil:
            verdict = Explanation(
                verdict: "untracked", reason: mail.note.untracked, tag: mail.note.tag, report: nil, original: content,
                output: output)
        }
        return MailSource(
            original: content, sent: output, report: verdict.text + "\n\n" + verdict.diff,
            originalHTML: Self.html(content), sentHTML: Self.html(output))
    }

    /// The first HTML part as UTF-8.
    private static func html(_ message: [UInt8]) -> String? {
        guard let tree = try? MIMETree.parse(message),
            let part = tree.parts.first(where: { $0.children.isEmpty && $0.contentType.is("text", "html") }),
            let body = part.decodedBody(in: message)?.bytes
        else { return nil }
        let charset = part.contentType.parameter("charset").flatMap { Charset(label: $0) }
        return String(decoding: charset.flatMap { try? $0.decodeToUTF8(body) } ?? body, as: UTF8.self)
    }

    // MARK: Metrics

    /// What is measured when it is asked for.
    func measure() async -> String {
        let now = SystemClock.now()
        if let census = try? await queue.census() {
            metrics.set("queue_messages", to: Double(census.messages))
            metrics.set("queue_failed_messages", to: Double(census.failed))
            metrics.set("queue_damaged_messages", to: Double(census.damaged))
            metrics.set("queue_oldest_seconds", to: census.oldest.map { Double(max(0, now - $0)) / 1_000 } ?? 0)
        }
        metrics.set("queue_unwritten_outcomes", to: Double(await queue.statistics.unwritten))
        if let space = SQLiteQueueStore.space(directory: settings.dataDirectory) {
            metrics.set("disk_free_bytes", to: Double(space.free))
        }
        let status = log.status
        metrics.set("events_waiting_bytes", to: Double(status.waitingOctets))
        metrics.raise("events_dropped_total", to: status.dropped)
        metrics.measure(connections)
        for listener in settings.listeners {
            if let days = listener.certificateFile.flatMap({ CertificateDates.daysLeft(file: $0) }) {
                metrics.set("certificate_days_left", ("of", "listener \(listener.address)"), to: Double(days))
            }
        }
        for delivery in deliveries {
            if let days = await delivery.health.state.certificateDaysLeft {
                metrics.set("certificate_days_left", ("of", "upstream \(delivery.name)"), to: Double(days))
            }
        }
        return metrics.registry.text
    }

    // MARK: Health

    private func health() async -> [(name: String, checks: [HealthCheck])] {
        var upstreams: [HealthCheck] = []
        for delivery in deliveries { upstreams.append(await Self.check(delivery)) }
        let local = await BlockingWork.run { (disk(), store(), keys(), listeners(), tracking()) }
        return [
            ("Upstreams", upstreams), ("Disk", local.0), ("Events", local.1), ("Keys", local.2),
            ("Certificates", local.3), ("Tracking host", local.4 + [readers()]), ("Web", web()),
        ]
    }

    private static func check(_ delivery: Delivery) async -> HealthCheck {
        let state = await delivery.health.state
        let name = "\(delivery.name): \(delivery.address)"
        let tls = state.tls.map { ", \($0)" } ?? ""
        let days = state.certificateDaysLeft.map { ", its certificate ends in \($0) days" } ?? ""
        let success = state.success.map { "last mail answered \(LocalTime.string($0))\(tls)\(days)" } ?? "no mail yet"
        if let failure = state.failure, failure.time > state.success ?? 0 {
            let pause =
                state.pausedUntil > SystemClock.now() ? "; paused until \(LocalTime.string(state.pausedUntil))" : ""
            return HealthCheck(
                name, .bad, "\(LocalTime.string(failure.time)) \(failure.sentence)\(pause); before: \(success)")
        }
        if let left = state.certificateDaysLeft, left < 14 { return HealthCheck(name, .warning, success) }
        return HealthCheck(name, state.success == nil ? .unknown : .good, success)
    }

    private func disk() -> [HealthCheck] {
        let complaint = SQLiteQueueStore.complaint(
            directory: settings.dataDirectory, messageOctets: settings.limits.messageOctets)
        let space = SQLiteQueueStore.space(directory: settings.dataDirectory)
        let words = space.map { "\($0.free >> 30) GiB free of \($0.total >> 30) GiB" } ?? "unknown"
        return [
            HealthCheck(
                settings.dataDirectory, complaint == nil ? .good : .bad,
                complaint.map { "mail is refused for now: \($0)" } ?? words)
        ]
    }

    private func store() -> [HealthCheck] {
        let status = log.status
        var checks = [
            HealthCheck(
                "Event store", status.complaint.isEmpty ? .good : .bad,
                status.complaint.isEmpty
                    ? "\(status.waitingOctets) octets of journal are not stored yet" : status.complaint)
        ]
        checks.append(
            HealthCheck(
                "Lost events", status.dropped == 0 ? .good : .bad,
                status.dropped == 0 ? "none since the start" : "\(status.dropped): neither memory nor journal took them"
            ))
        for (name, complaint) in [
            ("Block list", files.blockList?.complaint), ("Deny list", files.denyList?.complaint),
        ] {
            guard let complaint else { continue }
            checks.append(
                HealthCheck(
                    name, complaint.isEmpty ? .good : .bad,
                    complaint.isEmpty ? "in force" : "\(complaint); what was in force before stays"))
        }
        return checks
    }

    private func keys() -> [HealthCheck] {
        do {
            let ring = try TrackingKeys.load(settings.keyFile)
            let names =
                (ring.keys.count == 1 ? "key " : "keys ")
                + ring.keys.map { "\($0.id) (\($0.status.rawValue))" }.joined(separator: ", ")
            let isSame = ring.signing?.id == codec.signingKey
            return [
                HealthCheck(
                    settings.keyFile, isSame ? .good : .warning,
                    isSame
                        ? "\(names); keep a copy of this file"
                        : "\(names); the file has changed: restart to sign with its newest key")
            ]
        } catch {
            return [
                HealthCheck(
                    settings.keyFile, .bad,
                    "\(error); links still work until the service ends. Put the file back from your copy.")
            ]
        }
    }

    private func listeners() -> [HealthCheck] {
        let files = settings.listeners.compactMap(\.certificateFile)
        guard !files.isEmpty else { return [HealthCheck("Listeners", .good, "no listener has a certificate")] }
        return files.map { file in
            guard let days = CertificateDates.daysLeft(file: file) else {
                return HealthCheck(file, .bad, "no certificate can be read there")
            }
            return HealthCheck(file, days < 0 ? .bad : days < 14 ? .warning : .good, "ends in \(days) days")
        }
    }

    private func tracking() -> [HealthCheck] {
        book.current.policies.baseURLs.sorted { $0.description < $1.description }.map { url in
            if url.isSecure { return HealthCheck(url.description, .good, "links are made with it") }
            return HealthCheck(
                url.description, url.isLoopback ? .good : .warning,
                url.isLoopback ? "for tests on this machine" : "without https, links to https pages stay untracked")
        }
    }
}

extension UntrackedReason {
    /// The reason for people.
    var sentence: String {
        switch self {
        case .notAsked: "it asks for no tracking, and no rule does"
        case .flagsOff: "both flags are off, or the policy forbids those that are on"
        case .malformedTrace: "its X-AliDM-Trace cannot be read"
        case .unknownTag: "its tag is not configured"
        case .senderNotAllowed: "its From domain is not among the tag's senders"
        case .trackingOff: "tracking is off for its tag"
        case .bounce: "bounces are never tracked"
        }
    }
}
