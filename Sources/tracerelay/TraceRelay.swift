import ArgumentParser

/// The command.
@main
struct TraceRelay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tracerelay",
        abstract: "A local SMTP relay that tracks opens and clicks and forwards mail over STARTTLS.",
        discussion: "Start with `tracerelay demo`: it needs no configuration and no privileges.",
        version: "0.1.0",
        subcommands: [
            Demo.self, Serve.self, CheckConfig.self, Explain.self, FakeUpstreamCommand.self, QueueCommand.self,
            Events.self, Report.self,
            Trace.self, TokenCommand.self, Key.self, Password.self,
        ])
}
