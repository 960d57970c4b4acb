import Glibc
import Logging
import MessageQueue
import NIOCore
import NIOPosix
import OpenSSLBridge
public import RelayConfiguration
import SMTPProtocol
import SMTPTransport
public import ServiceLifecycle
import StorageSQLite
import Synchronization
import Tracking
import TrackingEvents
import TrackingWeb

/// The whole relay: intake, queue, delivery, tracking service.
public final class RelayInstance: Service {
    /// Ports that were bound, in the order of the configuration.
    public struct Ports: Sendable {
        /// SMTP listeners.
        public var smtp: [Int] = []
        /// Web listeners.
        public var web: [Int] = []
    }

    let settings: RelaySettings
    let log: RelayLog
    let handler: RelayLogHandler
    let metrics = RelayMetrics()
    private let whenReady: @Sendable (Ports) -> Void

    /// A relay that has not started.
    /// - Parameter whenReady: called once everything listens.
    public init(
        _ settings: RelaySettings, log: RelayLogHandler, whenReady: @escaping @Sendable (Ports) -> Void = { _ in }
    ) {
        self.settings = settings
        self.log = RelayLog(handler: log)
        handler = log
        self.whenReady = whenReady
    }

    /// Runs until graceful shutdown: intake stops first, then delivery drains, then links and the stores close.
    ///
    /// Everything is opened and bound before anything runs, so that a start that fails is a plain throw.
    /// - Throws: ``StartFailure``.
    public func run() async throws {
        DescriptorLimit.raise()
        try DataDirectory.prepare(settings.dataDirectory)
        let files = try StartFiles(settings, log: log, StartProblems(places: settings.places)) { [settings] in
            try TrackingKeys.codec(
                try TrackingKeys.loadForStart(settings.keyFile, dataDirectory: settings.dataDirectory))
        }
        let book = PolicyBook(PolicySnapshot(settings, keyID: files.codec.signingKey))
        let queue = try await openQueue(settings)
        let events = openEvents(settings, book, files.rules, queue)
        do {
            let parts = try makeParts(settings, book, files, queue, events)
            try await queue.tell { notices in events.take(notices.map { ($0.number, $0.record) }) }
            let listening = try await listen(settings, files, parts)
            announce(settings, listening.ports)
            await work(parts, listening, drain: settings.limits.drain)
        } catch {
            await shutDown(queue, events)
            throw error
        }
        await shutDown(queue, events)
    }

    private func shutDown(_ queue: MessageQueue, _ events: SQLiteEventLog) async {
        // What is told of mail need not be told again at the next start.
        await queue.flush()
        await events.flush()
        await queue.close()
        await BlockingWork.run { events.close() }
        log.info("stopped")
    }

    /// Runs all that goes on by itself, until the stop is through.
    private func work(_ parts: Parts, _ listening: Listening, drain: Duration) async {
        let sending = parts.deliveries.map { delivery in Task { await delivery.run() } }
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await Self.tick(parts.queue) }
            tasks.addTask { [metrics] in await parts.files.watch(metrics) }
            // It ends by shutdown, or by being cancelled.
            try? await gracefulShutdown()
            log.info("stopping")
            SystemdNotification.send("STOPPING=1")
            await parts.queue.stop()
            let isDrained = await Deadline.run(within: drain) {
                await withDiscardingTaskGroup { tasks in
                    for server in listening.smtp { tasks.addTask { await server.stop() } }
                    for delivery in parts.deliveries { tasks.addTask { await delivery.stop(within: drain) } }
                }
            }
            if !isDrained { log.warning("drain time is over; what is under way stays queued", ("drain", "\(drain)")) }
            // What was cut off has its outcome at once; a wait that does not end must not hold up the stores.
            _ = await Deadline.run(within: .seconds(2)) { for task in sending { await task.value } }
            await listening.close()
            tasks.cancelAll()
        }
    }

    private static func tick(_ queue: MessageQueue) async {
        while !Task.isCancelled {
            await queue.tick()
            try? await Task.sleep(for: .milliseconds(250))
        }
    }

    private func announce(_ settings: RelaySettings, _ ports: Ports) {
        for warning in settings.warnings { log.warning("\(warning)") }
        if let warning = DescriptorLimit.warning(settings) { log.warning(warning) }
        for (listener, port) in zip(settings.listeners, ports.smtp) {
            log.info(
                "listening", ("smtp", Endpoint(host: listener.address.host, port: port).description),
                ("tls", listener.tls.rawValue))
        }
        for (listener, port) in zip(settings.web.listeners(scope: .console), ports.web) {
            log.info("listening", ("http", Endpoint(host: listener.host, port: port).description))
        }
        SystemdNotification.send("READY=1")
        whenReady(ports)
    }
}
