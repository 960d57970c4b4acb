import ArgumentParser
import Logging
import Relay
import RelayConfiguration
import ServiceLifecycle
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the relay.",
        discussion: "SIGTERM and SIGINT stop intake, let deliveries that run end, and close the queue.")

    @OptionGroup var configuration: ConfigurationOption

    func run() async throws {
        let settings = try configuration.load()
        try await Running.run(settings)
    }
}

enum Running {
    /// Runs a relay, and services beside it, until SIGTERM or SIGINT.
    static func run(
        _ settings: RelaySettings, beside others: [any Service] = [],
        whenReady: @escaping @Sendable (RelayInstance.Ports) -> Void = { _ in }
    ) async throws {
        let handler = RelayLogHandler(settings.log)
        var logger = Logger(label: "tracerelay") { _ in handler }
        logger.logLevel = .error
        let relay = RelayInstance(settings, log: handler, whenReady: whenReady)
        // Listed dependency-first: the relay, listed last, stops first.
        let group = ServiceGroup(
            configuration: .init(
                services: (others + [relay]).map {
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
