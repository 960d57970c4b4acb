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
            SIGTERM and SIGINT stop intake, let deliveries that run end, and close the queue.

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
        try await Running.run([TrackerInstance(settings, log: handler)], handler)
    }
}

enum Running {
    /// Runs a relay, and services beside it, until SIGTERM or SIGINT.
    static func run(
        _ settings: RelaySettings, beside others: [any Service] = [],
        whenReady: @escaping @Sendable (RelayInstance.Ports) -> Void = { _ in }
    ) async throws {
        let handler = RelayLogHandler(settings.log)
        try await run(others + [RelayInstance(settings, log: handler, whenReady: whenReady)], handler)
    }

    static func run(_ services: [any Service], _ handler: RelayLogHandler) async throws {
        var logger = Logger(label: "tracerelay") { _ in handler }
        logger.logLevel = .error
        // Listed dependency-first: the relay, listed last, stops first.
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
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
