import Glibc
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
        guard mkdir(settings.dataDirectory, 0o700) == 0 || errno == EEXIST else {
            throw StartFailure(
                "cannot make data-directory \(settings.dataDirectory): \(String(cString: strerror(errno)))",
                exitCode: 73)
        }
        let metrics = RelayMetrics()
        var options = SQLiteEventLog.Options()
        options.isJournalOnly = true
        let events = SQLiteEventLog(directory: settings.dataDirectory, options: options) { [log] in log.error($0) }
        do {
            try await serve(events, metrics)
        } catch {
            await BlockingWork.run { events.close() }
            throw error
        }
        await BlockingWork.run { events.close() }
        log.info("stopped")
    }

    private func serve(_ events: SQLiteEventLog, _ metrics: RelayMetrics) async throws {
        let files = TrackingFiles(blockListFile: settings.blockListFile, denyListFile: nil, log: log)
        let ports = WebPorts()
        let services = try services(events, metrics, files, ports)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for service in services { tasks.addTask { try await service.run() } }
            tasks.addTask { await cancelWhenGracefulShutdown { await files.watch() } }
            do {
                let bound = try await ports.all(services.count)
                for (listener, port) in zip(WebPorts.listeners(settings.web, scope: .health), bound) {
                    log.info("listening", ("http", Endpoint(host: listener.host, port: port).description))
                }
                SystemdNotification.send("READY=1")
                whenReady(bound)
                try await tasks.waitForAll()
            } catch {
                tasks.cancelAll()
                throw error as? StartFailure ?? StartFailure("\(error)", exitCode: 69)
            }
        }
    }

    /// Never makes a key: links are made elsewhere, with the same file.
    private func codec() throws -> TokenCodec {
        do {
            return try TrackingKeys.codec(try TrackingKeys.load(settings.keyFile, makesMissing: false))
        } catch {
            throw StartFailure("\(error); copy the relay's key file to this machine", exitCode: 78)
        }
    }

    private func services(
        _ events: SQLiteEventLog, _ metrics: RelayMetrics, _ files: TrackingFiles, _ ports: WebPorts
    ) throws -> [WebService] {
        var responder = HitResponder(
            codec: try codec(), sink: events, trustedProxies: settings.web.trustedProxies, metrics: metrics.hits,
            now: SystemClock.now)
        if let list = files.blockList { responder.blockList = { list.content } }
        var logger = Logger(label: "tracerelay.web") { [handler] _ in handler }
        logger.logLevel = .warning
        let parts = WebParts(
            responder: responder, prefixes: settings.basePaths,
            readiness: {
                let status = events.status
                // Links work whatever becomes of the events: a balancer must not take this tracker out for them.
                return Readiness(isReady: true, text: status.complaint.isEmpty ? "ok" : "events: \(status.complaint)")
            },
            metrics: {
                metrics.set("events_waiting_bytes", to: Double(events.status.waitingOctets))
                metrics.raise("events_dropped_total", to: events.status.dropped)
                return metrics.registry.text
            }, access: try ConsoleAccess(settings.web), logger: logger)
        return WebPorts.listeners(settings.web, scope: .health).enumerated().map { index, listener in
            WebService(listener: listener, parts: parts, whenBound: { await ports.bound(index, $0) })
        }
    }
}
