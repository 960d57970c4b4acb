import ArgumentParser
import Foundation
import Relay
import RelayConfiguration
import StorageSQLite

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hits and deliveries, as they happened or as they happen.")

    @OptionGroup var configuration: ConfigurationOption
    @Flag(help: "Go on with what happens from now.") var follow = false
    @Option(help: "Only this tag.") var tag: String?
    @Option(help: "Only what is younger: 30m, 12h, 7d.") var since: String?
    @Flag(help: "Print JSON, one object per event.") var json = false

    func run() async throws {
        let settings = try configuration.load()
        var earliest: Int64 = 0
        if let since {
            guard let span = Self.span(since) else {
                throw Exit.failure(64, "--since must be a time such as 30m, 12h or 7d")
            }
            earliest = SystemClock.now() - span
        }
        var reader = try? EventReader(directory: settings.dataDirectory)
        let isAwaited = reader == nil
        while reader == nil {
            guard follow else { throw Exit.failure(69, "there are no events in \(settings.dataDirectory) yet") }
            try await Task.sleep(for: .milliseconds(200))
            reader = try? EventReader(directory: settings.dataDirectory)
        }
        guard let reader else { return }
        // What came while it was waited for came from now on.
        var cursor: Int64 =
            follow && since == nil && !isAwaited ? try Exit.guarded(74) { try reader.lastSequence() } : 0
        repeat {
            while true {
                let found = try Exit.guarded(74) { try reader.events(after: cursor, since: earliest, tag: tag) }
                for event in found { try show(event) }
                cursor = found.last?.sequence ?? cursor
                if found.isEmpty { break }
            }
            if follow { try await Task.sleep(for: .milliseconds(200)) }
        } while follow
    }

    private func show(_ event: StoredEvent) throws {
        if json { return try Output.json(event) }
        var line = "\(Output.time(event.time))  \(event.kind)  \(event.result)"
        if let address = event.address {
            line += "  <\(address)>"
        } else if let number = event.recipient {
            line += "  recipient \(number)"
        }
        if let tag = event.tag, !tag.isEmpty { line += "  tag=\(tag)" }
        if !event.url.isEmpty { line += "  \(event.url)" }
        if !event.reply.isEmpty { line += "  \(event.reply)" }
        if !event.evidence.isEmpty { line += "  (\(event.evidence))" }
        if !event.agent.isEmpty { line += "  \(event.agent)" }
        if !event.client.isEmpty { line += "  \(event.client)" }
        Output.line(line)
    }

    private static func span(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let last = text.last, let unit = units[last], let number = Int64(text.dropLast()), 0...1_000_000 ~= number
        else { return nil }
        return number * unit
    }
}
