import ArgumentParser
import RelayConfiguration

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check relay.conf, and print the policy of each tag with where each value comes from.",
        discussion: "Errors come as file:line:column with the mend; the exit code is then 78.")

    @OptionGroup var configuration: ConfigurationOption
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
        let settings = try configuration.load()
        if json { return try Output.json(settings.origins) }
        for warning in settings.warnings { print("warning: \(warning)") }
        print("\(configuration.config): no errors")
        for name in settings.upstreams.keys.sorted() {
            guard let upstream = settings.upstreams[name] else { continue }
            print(
                "[upstream.\(name)] \(upstream.address), tls \(upstream.tls.rawValue), certificate name \(upstream.serverName)"
            )
        }
        var tag = ""
        for value in settings.origins {
            if value.tag != tag {
                tag = value.tag
                print("\n[tag.\(tag)]")
            }
            print("  \(value.key) = \(value.value)".padded(to: 56) + "  # \(value.origin)")
        }
        if settings.origins.isEmpty { print("no tags: every mail goes out untracked; add [tag.NAME]") }
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
