import Logging
import MessageQueue
import NIOCore
import NIOPosix
import OpenSSLBridge
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import StorageSQLite
import Tracking
import TrackingEvents
import TrackingWeb

extension RelayInstance {
    /// What runs once everything listens.
    struct Parts {
        let queue: MessageQueue
        let files: TrackingFiles
        let deliveries: [Delivery]
        let submission: Submission
        let console: RelayConsole
        let web: [WebService]
    }

    /// What is bound.
    struct Listening {
        var smtp: [SMTPServer] = []
        var web: [WebListening] = []

        var ports: Ports { Ports(smtp: smtp.map(\.port), web: web.map(\.port)) }

        func close() async {
            for server in smtp {
                await server.close()
                await server.abort()
            }
            for listener in web { await listener.close() }
        }
    }

    func openQueue(_ settings: RelaySettings) async throws -> MessageQueue {
        let store = SQLiteQueueStore(
            directory: settings.dataDirectory, messageOctets: settings.limits.messageOctets,
            observeSync: { [metrics] in metrics.sync(nanoseconds: $0) }, report: { [log] in log.error($0) })
        let queue = MessageQueue(
            store: store, upstreams: Array(settings.upstreams.keys), schedule: settings.retrySchedule,
            now: SystemClock.now)
        do {
            told(try await queue.start())
        } catch {
            if case QueueError.inUse = error { throw StartFailure("\(error)", exitCode: 75) }
            throw StartFailure("\(error)", exitCode: 73)
        }
        return queue
    }

    private func told(_ recovery: QueueRecovery) {
        log.info(
            "queue opened", ("messages", "\(recovery.messages)"), ("failed", "\(recovery.failed)"),
            ("damaged", "\(recovery.damaged)"), ("orphaned", "\(recovery.orphanedSegments)"))
        for sentence in recovery.mended { log.warning(sentence) }
        if recovery.isOlderThanMail {
            log.error(
                "queue.sqlite is older than the mail beside it, as one from a backup is: mail that was accepted since is set "
                    + "aside and not sent; mail that was delivered since is sent again",
                ("directory", "\(settings.dataDirectory)/segments/orphaned"))
        }
        if recovery.setAside > 0 {
            log.warning(
                "contents that no mail in the queue points to are set aside; look at them, then delete them",
                ("files", "\(recovery.setAside)"), ("directory", "\(settings.dataDirectory)/segments/orphaned"))
        }
        if recovery.failed + recovery.damaged > 0 {
            log.warning(
                "mail in the queue needs you; see `tracerelay queue list`", ("failed", "\(recovery.failed)"),
                ("damaged", "\(recovery.damaged)"))
        }
    }

    /// Behind the queue, whose lock says that nobody else writes here.
    func openEvents(
        _ settings: RelaySettings, _ book: PolicyBook, _ rules: HitRules, _ queue: MessageQueue
    ) -> SQLiteEventLog {
        var options = SQLiteEventLog.Options()
        options.rules = rules
        options.retention = { book.current.retention }
        options.acknowledge = { queue.told(upTo: $0) }
        options.observe = { [metrics] hit, hitClass in metrics.hit(hit.kind, hitClass) }
        return SQLiteEventLog(directory: settings.dataDirectory, options: options) { [log] in log.error($0) }
    }

    func makeParts(
        _ settings: RelaySettings, _ book: PolicyBook, _ files: StartFiles, _ queue: MessageQueue,
        _ events: SQLiteEventLog
    ) throws -> Parts {
        let sources = SourceArchive(directory: settings.dataDirectory) { [log] in log.error($0) }
        let routes = RouteCapabilities()
        let records = EventRecords()
        let deliveries = makeDeliveries(settings, book, files, queue, records, sources, routes)
        let console = RelayConsole(
            settings: settings, book: book, queue: queue,
            reader: EventReader(directory: settings.dataDirectory, makesMissing: true), log: events,
            codec: files.codec, sources: sources, deliveries: deliveries, files: files.lists, metrics: metrics,
            connections: WebConnections(settings.limits, settings.web, others: settings.descriptors))
        return Parts(
            queue: queue, files: files.lists, deliveries: deliveries,
            submission: Submission(
                settings: settings, book: book, users: files.users, queue: queue, records: records, metrics: metrics,
                log: log, routes: routes),
            console: console, web: try makeWeb(settings, book, queue, events, files.codec, console))
    }

    private func makeDeliveries(
        _ settings: RelaySettings, _ book: PolicyBook, _ files: StartFiles, _ queue: MessageQueue,
        _ records: EventRecords, _ sources: SourceArchive, _ routes: RouteCapabilities
    ) -> [Delivery] {
        let lists = files.lists
        let context = DeliveryContext(
            metrics: metrics, isDenied: { lists.denyList?.content.contains($0) ?? false },
            archive: { id, message, mail in
                let policy = book.current.policy(of: mail.note.tag)
                let time = policy.keepSource / .milliseconds(1)
                // The text names its recipients, of whom an anonymous tag keeps nothing.
                let privacy = mail.note.privacy ?? mail.decision?.privacy ?? policy.privacy
                guard time > 0, privacy != .anonymous else { return }
                sources.keep(id, message, mail.original, now: SystemClock.now(), for: Int64(time))
            })
        let group = MultiThreadedEventLoopGroup.singleton
        let inFlightOctets = settings.limits.inFlightOctets / max(1, settings.upstreams.count)
        return settings.upstreams.values.sorted { $0.name < $1.name }.compactMap { upstream in
            files.routes[upstream.name].map { route in
                let watched = routes.watched(route, lacksSMTPUTF8: upstream.lacksSMTPUTF8, group)
                return Delivery(
                    settings: upstream, hostname: settings.hostname, queue: queue,
                    pool: UpstreamPool(route: watched, group: group), codec: files.codec,
                    records: records, inFlightOctets: inFlightOctets, context: context, log: log)
            }
        }
    }

    private func makeWeb(
        _ settings: RelaySettings, _ book: PolicyBook, _ queue: MessageQueue, _ events: SQLiteEventLog,
        _ codec: TokenCodec, _ console: RelayConsole
    ) throws -> [WebService] {
        var responder = HitResponder(
            codec: codec, sink: events, trustedProxies: settings.web.trustedProxies, metrics: metrics.hits,
            now: SystemClock.now)
        if let list = console.files.blockList { responder.blockList = { list.content } }
        responder.tag = { [reader = console.reader] in (try? await reader.tag(of: $0)) ?? nil }
        var logger = Logger(label: "tracerelay.web") { [handler] _ in handler }
        logger.logLevel = .warning
        let directory = settings.dataDirectory
        let octets = settings.limits.messageOctets
        let access = try ConsoleAccess(settings.web, directory: settings.dataDirectory)
        var parts = WebParts(
            responder: responder, prefixes: { book.current.prefixes },
            readiness: {
                let disk = await BlockingWork.run {
                    SQLiteQueueStore.complaint(directory: directory, messageOctets: octets)
                }
                let complaint = if let disk { disk } else { await queue.complaint }
                return Readiness(isReady: complaint == nil, text: complaint ?? "ok")
            },
            metrics: { [metrics, handler] in
                metrics.raise("log_lines_dropped_total", to: handler.sink.dropped)
                return await console.measure()
            }, access: access, logger: logger)
        parts.connections = console.connections
        parts.console = try Console(services: console.services(), access: access)
        return settings.web.listeners(scope: .console).map { [parts] in WebService(listener: $0, parts: parts) }
    }

    /// Binds all listeners, or none: mail last, once all that it needs is there.
    /// - Throws: ``StartFailure``.
    func listen(_ settings: RelaySettings, _ files: StartFiles, _ parts: Parts) async throws -> Listening {
        var listening = Listening()
        do {
            listening.web = try await settings.web.listen(parts.web, scope: .console)
            for options in listeners(settings, files) {
                do {
                    listening.smtp.append(
                        try await SMTPServer.start(
                            options, delegate: parts.submission, group: MultiThreadedEventLoopGroup.singleton))
                } catch {
                    throw StartFailure.listening(on: options.name, key: "[[listener]] address", error)
                }
            }
        } catch {
            await listening.close()
            throw error
        }
        return listening
    }

    private func listeners(_ settings: RelaySettings, _ files: StartFiles) -> [ListenerOptions] {
        let counter = ConnectionCounter(
            maximum: settings.limits.connections, maximumPerClient: settings.limits.connectionsPerClient)
        var session = ServerSession.Settings(hostname: settings.hostname)
        session.maximumMessageOctets = settings.limits.messageOctets
        session.maximumRecipients = settings.limits.recipients
        return settings.listeners.enumerated().map { number, listener in
            var options = ListenerOptions(
                name: listener.address.description, host: listener.address.host, port: listener.address.port,
                session: session, connections: counter)
            options.bareNewlines = listener.bareNewlines
            options.deadlines = settings.limits.deadlines
            options.tls = files.contexts[number]
            options.session.offersStartTLS = listener.tls == .starttls
            options.isImplicitTLS = listener.tls == .implicit
            return options
        }
    }
}
