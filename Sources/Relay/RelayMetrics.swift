import CoreMetrics
import Tracking
import TrackingEvents
import TrackingWeb

/// What the relay counts, behind swift-metrics.
struct RelayMetrics: Sendable {
    let registry: PrometheusRegistry
    let hits: HitMetrics

    init(_ registry: PrometheusRegistry = PrometheusRegistry()) {
        self.registry = registry
        hits = HitMetrics(registry)
        for (name, sentence) in Self.sentences { registry.describe(name, sentence) }
    }

    private static let sentences = [
        ("mail_accepted_total", "Mails that were accepted, by tag; the empty tag is mail without one."),
        ("mail_tracked_total", "Accepted mails that were to be tracked, by tag."),
        ("mail_untracked_total", "Accepted mails that were to go out untracked, by reason."),
        ("mail_refused_total", "Mails refused once their content was there, by reason."),
        ("connections_refused_total", "Clients turned away before their first mail, by reason."),
        ("logins_refused_total", "Refused logins of SMTP clients, by reason."),
        ("mail_passed_through_total", "Copies that went out with their body as it was, by reason."),
        ("links_total", "Links of sent copies, tracked or left alone, by reason."),
        ("delivery_total", "Attempts for a recipient, by status and upstream."),
        ("hits_total", "Stored hits, by kind and class."),
        ("queue_messages", "Mails in the queue, failed and damaged ones included."),
        ("queue_failed_messages", "Mails that failed for good and are kept until they are retried or deleted."),
        ("queue_damaged_messages", "Mails whose row or content is damaged; they are kept and not sent."),
        ("queue_unwritten_outcomes", "Mails whose outcome cannot be written; a crash would send them again."),
        ("queue_oldest_seconds", "Age of the oldest mail that waits in the queue, in seconds."),
        ("phase_duration_seconds", "Time of a mail's phases: commit, wait (in the queue), render, send."),
        ("sync_duration_seconds", "Time of fdatasync on queue contents."),
        ("disk_free_bytes", "Free octets where the data directory is."),
        ("certificate_days_left", "Days until a certificate ends, of a listener or of an upstream as last seen."),
        ("events_waiting_bytes", "Octets of journal that the event store does not have yet."),
        ("web_connections", "Connections of the web listeners."),
        (
            "web_connections_refused_total",
            "Web connections that were closed at once: too many, of one client or in all."
        ),
        ("web_connections_displaced_total", "Silent web connections that were closed to make room for new ones."),
        ("log_lines_dropped_total", "Log lines that nobody read in time."),
        ("list_file_trouble", "1 while a list's file cannot be read and its last good content is in force, by key."),
        ("events_dropped_total", "Events that neither memory nor journal would take."),
    ]

    func count(_ name: String, _ labels: (String, String)..., by amount: Int = 1) {
        Counter(label: name, dimensions: labels, factory: registry).increment(by: amount)
    }

    /// Brings a counter to what it has been counted to elsewhere.
    func raise(_ name: String, to value: Int) {
        let counter = Counter(label: name, dimensions: [], factory: registry)
        counter.reset()
        counter.increment(by: value)
    }

    func set(_ name: String, _ labels: (String, String)..., to value: Double) {
        Gauge(label: name, dimensions: labels, factory: registry).record(value)
    }

    func phase(_ name: String, milliseconds: Int64) {
        CoreMetrics.Timer(label: "phase_duration_seconds", dimensions: [("phase", name)], factory: registry)
            .recordNanoseconds(max(0, milliseconds) * 1_000_000)
    }

    func sync(nanoseconds: Int64) {
        CoreMetrics.Timer(label: "sync_duration_seconds", dimensions: [], factory: registry).recordNanoseconds(
            nanoseconds)
    }

    func measure(_ connections: WebConnections) {
        let status = connections.status
        set("web_connections", to: Double(status.open))
        raise("web_connections_refused_total", to: status.refused)
        raise("web_connections_displaced_total", to: status.displaced)
    }

    func hit(_ kind: TokenKind, _ hitClass: HitClass) {
        count("hits_total", ("kind", kind == .open ? "open" : "click"), ("class", hitClass.rawValue))
    }
}
