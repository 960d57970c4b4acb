import Foundation
import MessageQueue
import NIOPosix
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import StorageSQLite
import Testing
import Tracking
import TrackingEvents

@testable import Relay

/// A relay's parts over a queue on disk, without listeners.
final class RelayBench: Sendable {
    let folder: String
    let settings: RelaySettings
    let queue: MessageQueue
    let metrics = RelayMetrics()
    let log: RelayLog
    let routes = RouteCapabilities()
    let book: PolicyBook

    /// - Parameter upstream: port of a server on loopback.
    init(upstream port: Int = 1) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var upstream = UpstreamSettings(name: "default", address: Endpoint(host: "127.0.0.1", port: port))
        upstream.tls = .none
        upstream.limits.connections = 2
        settings = RelaySettings(
            hostname: "relay.test", dataDirectory: folder, upstream: upstream,
            policies: TrackingPolicies(defaults: TagPolicy(baseURL: try BaseURL("http://127.0.0.1:8025"))))
        book = PolicyBook(PolicySnapshot(settings, keyID: 1))
        let null = FileHandle.nullDevice.fileDescriptor
        log = RelayLog(handler: RelayLogHandler(settings.log, sink: LogSink(descriptor: null)))
        queue = MessageQueue(
            store: SQLiteQueueStore(directory: folder, messageOctets: 1_000), upstreams: ["default"],
            schedule: RetrySchedule(waits: [3_600_000], lifetime: 1 << 40), now: SystemClock.now)
        _ = try await queue.start()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// - Parameter users: of the listener of ``client(_:)``, where it has an auth-file.
    func submission(users: [String: String]? = nil) -> Submission {
        Submission(
            settings: settings, book: book, users: users.map { ["listener": $0] } ?? [:], queue: queue,
            records: EventRecords(),
            metrics: metrics, log: log, routes: routes)
    }

    func delivery() throws -> Delivery {
        let upstream = try #require(settings.upstreams["default"])
        var ring = KeyRing(keys: [])
        try TrackingKeys.add(to: &ring)
        return Delivery(
            settings: upstream, hostname: "relay.test", queue: queue,
            pool: UpstreamPool(
                route: try UpstreamRoute(upstream, hostname: "relay.test"), group: MultiThreadedEventLoopGroup.singleton
            ),
            codec: try TrackingKeys.codec(ring), records: EventRecords(), inFlightOctets: 1 << 20,
            context: DeliveryContext(metrics: metrics, isDenied: { _ in false }, archive: { _, _, _ in }), log: log)
    }

    /// The queue as another process sees it.
    func stored() throws -> [QueuedMessage] { try QueueInspector(directory: folder).list() }

    static func envelope(to address: String = "a@y.test", utf8: Bool = false) throws -> Envelope {
        var parameters = MailParameters()
        parameters.smtpUTF8 = utf8
        var envelope = Envelope(reversePath: ReversePath(Mailbox("s@x.test")), parameters: parameters)
        envelope.recipients = [ForwardPath(try #require(Mailbox(address)))]
        return envelope
    }

    static let content = ReceivedContent<Spill>.memory(Array("Subject: x\r\n\r\nx\r\n".utf8))
}
