import Logging
public import RelayConfiguration
public import ServiceLifecycle
import StorageSQLite
import Tracking
import TrackingWeb

/// Pixel and redirect alone, with nothing but the key file: a tracker that faces the Internet while the relay does not.
/// Hits wait in the journal; whoever moves the file away takes them over elsewhere with `tracerelay events import`.
public final class TrackerInstance: Service {
    private let settings: TrackerSettings
    private let log: RelayLog
    private let handler: RelayLogHandler
    private let whenReady: @Sendable ([Int]) -> Void

    /// A tracker that has not started.
    /// - Parameter whenReady: called with the ports once it listens.
    public init(
        _ settings: TrackerSettings, log: RelayLogHandler, whenReady: @escaping @Sendable ([Int]) -> Void = { _ in }
    ) {
        self.settings = settings
        self.log = RelayLog(handler: log)
        handler = log
        self.whenReady = whenReady
    }

    /// Runs until graceful shutdown.
    /// - Throws: ``StartFailure``.
    public func run() async throws {
        DescriptorLimit.raise()
        try DataDirectory.prepare(settings.dataDirectory)
        var problems = StartProblems(places: settings.places)
        problems.checkHashes(settings.web)
        guard problems.all.isEmpty else { throw problems.failure }
        let codec = try Self.codec(settings)
        let blockList = try TrackingFiles.blockList(settings.blockListFile, log)
        let metrics = RelayMetrics()
        var options = SQLiteEventLog.Options()
        options.isJournalOnly = true
        let events = SQLiteEventLog(directory: settings.dataDirectory, options: options) { [log] in log.error($0) }
        do {
            let files = TrackingFiles(blockList: blockList, denyList: nil)
            let services = try services(codec, events, metrics, files)
            let listening = try await settings.web.listen(services, scope: .health)
            announce(listening.map(\.port))
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await files.watch(metrics) }
                // It ends by shutdown, or by being cancelled.
                try? await gracefulShutdown()
                log.info("stopping")
                SystemdNotification.send("STOPPING=1")
                for listener in listening { await listener.close() }
                tasks.cancelAll()
            }
        } catch {
            await BlockingWork.run { events.close() }
            throw error
        }
        await BlockingWork.run { events.close() }
        log.info("stopped")
    }

    private func announce(_ ports: [Int]) {
        for (listener, port) in zip(settings.web.listeners(scope: .health), ports) {
            log.info("listening", ("http", Endpoint(host: listener.host, port: port).description))
        }
        SystemdNotification.send("READY=1")
        whenReady(ports)
    }

    /// Never makes a key: links are made elsewhere, with the same file.
    static func codec(_ settings: TrackerSettings) throws -> TokenCodec {
        do {
            return try TrackingKeys.codec(try TrackingKeys.load(settings.keyFile))
        } catch {
            throw StartFailure("\(error); copy the relay's key file to this machine", exitCode: 78)
        }
    }

    private func services(
        _ codec: TokenCodec, _ events: SQLiteEventLog, _ metrics: RelayMetrics, _ files: TrackingFiles
    ) throws -> [WebService] {
        var responder = HitResponder(
            codec: codec, sink: events, trustedProxies: settings.web.trustedProxies, metrics: metrics.hits,
            now: SystemClock.now)
        if let list = files.blockList { responder.blockList = { list.content } }
        var logger = Logger(label: "tracerelay.web") { [handler] _ in handler }
        logger.logLevel = .warning
        let connections = WebConnections(settings.limits, settings.web, others: 100)
        let prefixes = HitPrefixes(settings.basePaths)
        var parts = WebParts(
            responder: responder, prefixes: { prefixes },
            readiness: {
                let status = events.status
                // Links work whatever becomes of the events: a balancer must not take this tracker out for them.
                return Readiness(isReady: true, text: status.complaint.isEmpty ? "ok" : "events: \(status.complaint)")
            },
            metrics: { [handler] in
                metrics.raise("log_lines_dropped_total", to: handler.sink.dropped)
                metrics.set("events_waiting_bytes", to: Double(events.status.waitingOctets))
                metrics.raise("events_dropped_total", to: events.status.dropped)
                metrics.measure(connections)
                return metrics.registry.text
            }, access: try ConsoleAccess(settings.web, directory: settings.dataDirectory), logger: logger)
        parts.connections = connections
        return settings.web.listeners(scope: .health).map { [parts] in WebService(listener: $0, parts: parts) }
    }
}
