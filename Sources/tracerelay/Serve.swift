import ArgumentParser
import Logging
import Relay
import RelayConfiguration
import ServiceLifecycle
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the relay.",
        discussion: """
            SIGTERM and SIGINT stop intake at once, let mail that is under way end for [limits] drain, and close the \
            queue; a second one stops at once. What is not through stays queued. SIGHUP does nothing: lists are read anew \
            by themselves, relay.conf at the next start.

            With --only tracking it serves pixel and links on [web] tracking-address, and needs nothing but the key file: \
            for a machine that faces the Internet. Hits wait in DATA-DIRECTORY/events.journal; move that file away, and \
            take it over on the relay's machine with `tracerelay events import`.
            """)

    enum Part: String, ExpressibleByArgument, CaseIterable { case tracking }

    @OptionGroup var configuration: ConfigurationOption
    @Option(help: "Serve this part alone.") var only: Part?

    func run() async throws {
        guard only == .tracking else { return try await Running.run(try configuration.load()) }
        let settings = try configuration.loadTracker()
        let handler = RelayLogHandler(settings.log)
        try await Running.run([TrackerInstance(settings, log: handler)], handler, drain: .zero)
    }
}

enum Running {
    /// Runs a relay, and services beside it, until SIGTERM or SIGINT.
    static func run(
        _ settings: RelaySettings, beside others: [any Service] = [],
        whenReady: @escaping @Sendable (RelayInstance.Ports) -> Void = { _ in }
    ) async throws {
        let handler = RelayLogHandler(settings.log)
        try await run(
            others + [RelayInstance(settings, log: handler, whenReady: whenReady)], handler,
            drain: settings.limits.drain)
    }

    static func run(_ services: [any Service], _ handler: RelayLogHandler, drain: Duration) async throws {
        defer { handler.sink.flush() }
        var logger = Logger(label: "tracerelay") { _ in handler }
        logger.logLevel = .info
        let signals = StopSignals(logger: logger, sink: handler.sink, limit: drain + .seconds(4))
        logger.logLevel = .error
        // Listed dependency-first: the relay, listed last, stops first, and signals are watched to the end.
        let group = ServiceGroup(
            configuration: .init(
                services: ([signals] + services).map {
                    .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        do {
            try await group.run()
        } catch let failure as StartFailure {
            throw Exit.failure(failure.exitCode, "tracerelay: \(failure)")
        } catch {
            throw Exit.failure(70, "tracerelay: \(error)")
        }
    }
}
