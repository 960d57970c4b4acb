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

/// Why a relay cannot start; the exit code is sysexits'.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
    /// What is wrong and how to mend it.
    public let description: String
    /// 69, 73, 75 or 78.
    public let exitCode: Int32

    init(_ description: String, exitCode: Int32) {
        self.description = description
        self.exitCode = exitCode
    }
}

/// The whole relay: intake, queue, delivery, tracking service.
public final class RelayInstance: Service {
    /// Ports that were bound, in the order of the configuration.
    public struct Ports: Sendable {
        /// SMTP listeners.
        public var smtp: [Int] = []
        /// Web listeners.
        public var web: [Int] = []
    }

    private let settings: RelaySettings
    private let log: RelayLog
    private let handler: RelayLogHandler
    private let metrics = RelayMetrics()
    private let whenReady: @Sendable (Ports) -> Void
    private static let drainTime = Duration.seconds(20)

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

    /// Runs until graceful shutdown: intake stops first, then delivery drains, then the stores close.
    /// - Throws: ``StartFailure``.
    public func run() async throws {
        var settings = settings
        guard mkdir(settings.dataDirectory, 0o700) == 0 || errno == EEXIST else {
            throw StartFailure(
                "cannot make data-directory \(settings.dataDirectory): \(String(cString: strerror(errno)))",
                exitCode: 73)
        }
        let codec: TokenCodec
        do {
            codec = try TrackingKeys.codec(try TrackingKeys.load(settings.keyFile, makesMissing: true))
        } catch {
            throw StartFailure(error.description, exitCode: 78)
        }
        settings.policies.keyID = codec.signingKey
        let metrics = metrics
        let store = SQLiteQueueStore(
            directory: settings.dataDirectory, messageOctets: settings.limits.messageOctets,
            observeSync: { metrics.sync(nanoseconds: $0) })
        let queue = MessageQueue(
            store: store, upstreams: Array(settings.upstreams.keys), schedule: settings.retrySchedule,
            now: SystemClock.now)
        let recovery: QueueRecovery
        do {
            recovery = try await queue.start()
        } catch {
            throw StartFailure(
                "\(error)", exitCode: error as? QueueError == .locked(path: settings.dataDirectory) ? 75 : 73)
        }
        log.info("queue opened", ("messages", "\(recovery.messages)"), ("orphaned", "\(recovery.orphanedSegments)"))
        var options = SQLiteEventLog.Options()
        options.rules = try HitRulesFile.load(settings.web.hitClassesFile)
        options.retention = settings.retention
        options.observe = { hit, hitClass in metrics.hit(hit.kind, hitClass) }
        let events = SQLiteEventLog(directory: settings.dataDirectory, options: options) { [log] in log.error($0) }
        do {
            try await serve(settings, queue, events, codec)
        } catch {
            await shutDown(queue, events)
            throw error
        }
        await shutDown(queue, events)
    }

    private func shutDown(_ queue: MessageQueue, _ events: SQLiteEventLog) async {
        await queue.close()
        await BlockingWork.run { events.close() }
        log.info("stopped")
    }

    private func serve(
        _ settings: RelaySettings, _ queue: MessageQueue, _ events: SQLiteEventLog, _ codec: TokenCodec
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let files = TrackingFiles(
            blockListFile: settings.blockListFile, denyListFile: settings.denyListFile, log: log)
        let sources = SourceArchive(directory: settings.dataDirectory) { [log] in log.error($0) }
        let context = DeliveryContext(
            metrics: metrics, isDenied: { files.denyList?.content.contains($0) ?? false },
            archive: { id, message, mail in
                let time = settings.policy(of: mail.note.tag).keepSource / .milliseconds(1)
                guard time > 0 else { return }
                sources.keep(id, message, mail.original, now: SystemClock.now(), for: Int64(time))
            })
        let deliveries = try makeDeliveries(settings, queue, events, codec, context, group)
        let submission = Submission(
            settings: settings, users: try AuthFile.read(settings.listeners), queue: queue, events: events,
            metrics: metrics, log: log)
        let web = WebPorts()
        let console = RelayConsole(
            settings: settings, queue: try QueueInspector(directory: settings.dataDirectory),
            reader: EventReader(directory: settings.dataDirectory, makesMissing: true), log: events, codec: codec,
            sources: sources,
            deliveries: deliveries, files: files, metrics: metrics)
        await BlockingWork.run { Self.tellAgain(console.queue, events) }
        let webServices = try makeWeb(settings, events, codec, console, web)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for service in webServices { tasks.addTask { try await service.run() } }
            for delivery in deliveries { tasks.addTask { await delivery.run() } }
            tasks.addTask { await Self.tick(queue) }
            tasks.addTask { await cancelWhenGracefulShutdown { await files.watch() } }
            var ports = Ports()
            var servers: [SMTPServer] = []
            do {
                for options in try listeners(settings) {
                    let server = try await bind(options, submission, group)
                    servers.append(server)
                    ports.smtp.append(server.port)
                }
                ports.web = try await web.all(webServices.count)
            } catch {
                await queue.stop()
                tasks.cancelAll()
                throw error
            }
            announce(settings, ports)
            tasks.addTask { [log] in
                try? await gracefulShutdown()
                log.info("stopping")
                for server in servers { await server.close() }
                await queue.stop()
            }
            // A web listener that cannot be bound ends everything; the rest end by shutdown.
            do {
                try await tasks.waitForAll()
            } catch {
                await queue.stop()
                tasks.cancelAll()
                throw StartFailure("\(error)", exitCode: 69)
            }
        }
    }

    /// A crash right behind the 250 may have taken a mail's record with it; what is stored already is not stored twice.
    private static func tellAgain(_ queue: QueueInspector, _ events: any EventSink) {
        for message in (try? queue.youngest(10_000)) ?? [] {
            guard let note = MessageNote(encoded: message.note) else { continue }
            let privacy = TrackingDecision(encoded: message.decision)?.privacy ?? .pseudonymous
            let recipients = privacy == .anonymous ? [] : message.recipients.map(\.address)
            events.record(
                .message(
                    MessageRecord(
                        message: note.message, time: message.arrival, queueID: message.id.description, tag: note.tag,
                        fromDomain: note.fromDomain, recipients: recipients, untracked: note.untracked,
                        privacy: privacy, subject: "")))
        }
    }

    private static func tick(_ queue: MessageQueue) async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await queue.tick()
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
    }

    private func announce(_ settings: RelaySettings, _ ports: Ports) {
        for warning in settings.warnings { log.warning("\(warning)") }
        for (listener, port) in zip(settings.listeners, ports.smtp) {
            log.info(
                "listening", ("smtp", Endpoint(host: listener.address.host, port: port).description),
                ("tls", listener.tls.rawValue))
        }
        for port in ports.web {
            log.info("listening", ("http", Endpoint(host: settings.web.address.host, port: port).description))
        }
        SystemdNotification.send("READY=1")
        whenReady(ports)
    }

    // MARK: Parts

    private func bind(_ options: ListenerOptions, _ delegate: Submission, _ group: any EventLoopGroup) async throws
        -> SMTPServer
    {
        do {
            return try await SMTPServer.start(options, delegate: delegate, group: group)
        } catch {
            throw StartFailure("cannot listen on \(options.name): \(error)", exitCode: 69)
        }
    }

    private func listeners(_ settings: RelaySettings) throws -> [ListenerOptions] {
        let counter = ConnectionCounter(
            maximum: settings.limits.connections, maximumPerClient: settings.limits.connectionsPerClient)
        var session = ServerSession.Settings(hostname: settings.hostname)
        session.maximumMessageOctets = settings.limits.messageOctets
        session.maximumRecipients = settings.limits.recipients
        return try settings.listeners.map { listener in
            var options = ListenerOptions(
                name: listener.address.description, host: listener.address.host, port: listener.address.port,
                session: session,
                connections: counter)
            options.bareNewlines = listener.bareNewlines
            options.idleTimeout = .nanoseconds(Int64(settings.limits.idleTimeout / .nanoseconds(1)))
            if listener.tls != .none {
                do {
                    options.tls = try TLSServerContext(
                        certificateChainFile: listener.certificateFile ?? "", privateKeyFile: listener.keyFile ?? "")
                } catch {
                    throw StartFailure("listener \(options.name): \(error)", exitCode: 78)
                }
                options.session.offersStartTLS = listener.tls == .starttls
                options.isImplicitTLS = listener.tls == .implicit
            }
            return options
        }
    }

    private func makeDeliveries(
        _ settings: RelaySettings, _ queue: MessageQueue, _ events: SQLiteEventLog, _ codec: TokenCodec,
        _ context: DeliveryContext, _ group: any EventLoopGroup
    ) throws -> [Delivery] {
        let budget = ByteBudget(settings.limits.inFlightOctets)
        return try settings.upstreams.values.sorted { $0.name < $1.name }.map { upstream in
            do {
                return Delivery(
                    settings: upstream, hostname: settings.hostname, queue: queue,
                    pool: UpstreamPool(route: try UpstreamRoute(upstream, hostname: settings.hostname), group: group),
                    codec: codec,
                    events: events, budget: budget, context: context, log: log)
            } catch let error as TLSError {
                throw StartFailure("upstream \(upstream.name): \(error)", exitCode: 78)
            }
        }
    }

    private func makeWeb(
        _ settings: RelaySettings, _ events: SQLiteEventLog, _ codec: TokenCodec, _ console: RelayConsole,
        _ ports: WebPorts
    ) throws -> [WebService] {
        var responder = HitResponder(
            codec: codec, sink: events, trustedProxies: settings.web.trustedProxies, metrics: metrics.hits,
            now: SystemClock.now)
        if let list = console.files.blockList { responder.blockList = { list.content } }
        responder.tag = { [reader = console.reader] in (try? await reader.tag(of: $0)) ?? nil }
        let policies = [settings.policies.defaults] + settings.policies.tags.values
        var logger = Logger(label: "tracerelay.web") { [handler] _ in handler }
        logger.logLevel = .warning
        let directory = settings.dataDirectory
        let octets = settings.limits.messageOctets
        let access = try ConsoleAccess(settings.web)
        var parts = WebParts(
            responder: responder, prefixes: Set(policies.map(\.baseURL.path)),
            readiness: {
                let complaint = await BlockingWork.run {
                    SQLiteQueueStore.complaint(directory: directory, messageOctets: octets)
                }
                return Readiness(isReady: complaint == nil, text: complaint ?? "ok")
            }, metrics: { await console.measure() }, access: access, logger: logger)
        parts.console = try Console(services: console.services(), access: access)
        return WebPorts.listeners(settings.web, scope: .console).enumerated().map { [parts] index, listener in
            WebService(listener: listener, parts: parts, whenBound: { await ports.bound(index, $0) })
        }
    }
}

/// Collects the ports of the web listeners.
actor WebPorts {
    /// The listeners of `[web]`.
    /// - Parameter scope: of the one that does not face the Internet.
    static func listeners(_ web: WebSettings, scope: WebListener.Scope) -> [WebListener] {
        [WebListener(host: web.address.host, port: web.address.port, scope: scope)]
            + (web.trackingAddress.map { [WebListener(host: $0.host, port: $0.port, scope: .tracking)] } ?? [])
    }

    private var ports: [Int: Int] = [:]
    private var waiter: (count: Int, continuation: CheckedContinuation<[Int], Never>)?

    func bound(_ index: Int, _ port: Int) {
        ports[index] = port
        guard let waiter, ports.count >= waiter.count else { return }
        self.waiter = nil
        waiter.continuation.resume(returning: sorted)
    }

    private var sorted: [Int] { ports.sorted { $0.key < $1.key }.map(\.value) }

    func all(_ count: Int) async throws -> [Int] {
        if ports.count >= count { return sorted }
        let deadline = Task {
            try await Task.sleep(for: .seconds(10))
            give()
        }
        defer { deadline.cancel() }
        let found = await withCheckedContinuation { waiter = (count, $0) }
        guard found.count == count else {
            throw StartFailure("a web listener cannot be bound; is its port taken?", exitCode: 69)
        }
        return found
    }

    private func give() {
        waiter?.continuation.resume(returning: sorted)
        waiter = nil
    }
}
