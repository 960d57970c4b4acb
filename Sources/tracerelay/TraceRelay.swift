import ArgumentParser
import Glibc

/// The command.
@main
struct TraceRelay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tracerelay",
        abstract: "A local SMTP relay that tracks opens and clicks and forwards mail over STARTTLS.",
        discussion: "Start with `tracerelay demo`: it needs no configuration and no privileges.",
        version: "0.1.0",
        subcommands: [
            Demo.self, Serve.self, CheckConfig.self, ConsoleCommand.self, Explain.self, FakeUpstreamCommand.self,
            QueueCommand.self,
            Events.self, Report.self,
            Trace.self, TokenCommand.self, Key.self, Password.self,
        ])

    /// Swift's threads ask the system for a better priority; where they get none, as any user but root, libdispatch tells
    /// syslog so for each of them, as long as the service runs. Whoever wants to hear libdispatch sets the variable.
    static func main() async {
        setenv("LIBDISPATCH_LOG", "NO", 0)
        await main(nil)
    }
}
