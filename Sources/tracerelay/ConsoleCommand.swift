import ArgumentParser
import Relay
import RelayConfiguration
import TrackingWeb

struct ConsoleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract: "Print where the console is, and what opens it.",
        discussion: """
            Where base-url is not this machine and [web] has neither password-hash nor token-hash, the service keeps a key \
            in DATA-DIRECTORY/console-key, and nothing of console, API and metrics is shown without it. This prints an \
            address that opens the console once within ten minutes, and the key for programs \
            (Authorization: Bearer KEY). Run it as a user who may read that file.

            From another machine: ssh -L 8025:127.0.0.1:8025 HOST, then open the same address there.
            """)

    @OptionGroup var configuration: ConfigurationOption
    @Option(help: "Of `serve --only tracking`: it has no console, but /metrics.") var only: Serve.Part?
    @Flag(help: "Print the key alone, for programs.") var key = false

    func run() throws {
        if only == .tracking {
            let settings = try configuration.loadTracker()
            return try show(settings.web, settings.dataDirectory)
        }
        let settings = try configuration.load()
        try show(settings.web, settings.dataDirectory)
    }

    private func show(_ web: WebSettings, _ directory: String) throws {
        let address = "http://\(web.address)/"
        guard web.entry == .key else {
            guard !key else { throw Exit.failure(64, "this console has no key: \(web.summary[0])") }
            Output.line(address)
            for line in web.summary { Output.line(line) }
            return
        }
        let text = try Exit.guarded(73) { try ConsoleKey.read(directory) }
        let opened = try Exit.guarded(73) { try ConsoleKey.load(directory) }
        guard let text, let opened else {
            throw Exit.failure(
                69, "there is no \(ConsoleKey.path(directory)) yet; start the service, which makes it")
        }
        guard !key else { return Output.line(text) }
        let end = ConsoleKey.now() + ConsoleKey.ticketTime
        Output.line("open within ten minutes, once:")
        Output.line("\(address)login?ticket=\(opened.ticket(until: end))")
        Output.line("for the page to log in, or for programs (Authorization: Bearer KEY):")
        Output.line(text)
    }
}
