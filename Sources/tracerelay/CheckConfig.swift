import ArgumentParser
import Relay
import RelayConfiguration
import Tracking

struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check relay.conf, and print the policy of each tag with where each value comes from.",
        discussion: """
            Errors come as file:line:column with the mend; the exit code is then 78. It reads all that `serve` reads: \
            certificates, passwords, users, keys and lists; run it as a user who may. With --only tracking it checks what \
            `serve --only tracking` needs.
            """)

    @OptionGroup var configuration: ConfigurationOption
    @Flag(help: "Print JSON.") var json = false
    @Option(help: "Check for this part alone.") var only: Serve.Part?

    func run() throws {
        if only == .tracking {
            let tracker = try configuration.loadTracker()
            try Exit.guarded(78) { try StartCheck.run(tracker) }
            return print("\(configuration.config): no errors")
        }
        let settings = try configuration.load()
        try Exit.guarded(78) { try StartCheck.run(settings) }
        let tags = settings.policyLines.sorted { $0.key < $1.key }
        if json {
            return try Output.json(
                tags.flatMap { tag, lines in lines.map { TagPolicyLine(tag: tag.description, line: $0) } })
        }
        for warning in settings.warnings { print("warning: \(warning)") }
        if let warning = DescriptorLimit.warning(settings) { print("warning: \(warning)") }
        print("\(configuration.config): no errors")
        for name in settings.upstreams.keys.sorted() {
            guard let upstream = settings.upstreams[name] else { continue }
            print(
                "[upstream.\(name)] \(upstream.address), tls \(upstream.tls.rawValue), certificate name \(upstream.serverName)"
            )
        }
        for line in settings.web.summary { print(line) }
        for (tag, lines) in tags {
            print("\n[tag.\(tag)]")
            for line in lines { print("  \(line.key) = \(line.value)".padded(to: 56) + "  # \(line.origin)") }
        }
        if tags.isEmpty { print("no tags: every mail goes out untracked; add [tag.NAME]") }
    }
}

/// A line of a policy with the tag whose it is, as `--json` prints it.
private struct TagPolicyLine: Encodable {
    let tag: String
    let line: PolicyLine

    private enum CodingKeys: String, CodingKey { case tag }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(tag, forKey: .tag)
        try line.encode(to: encoder)
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
