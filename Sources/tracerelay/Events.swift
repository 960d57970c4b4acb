import ArgumentParser
import Foundation
import Relay
import RelayConfiguration
import StorageSQLite
import TrackingEvents

struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hits and deliveries: list and follow them, take them over, judge them anew, export and erase.",
        subcommands: [
            List.self, ImportJournal.self, Reclassify.self, Classes.self, Export.self, Erase.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hits and deliveries, as they happened or as they happen.")

        @OptionGroup var configuration: ConfigurationOption
        @Flag(help: "Go on with what happens from now.") var follow = false
        @Option(help: "Only this tag; - for mail without one.") var tag: String?
        @Option(help: "Only what is younger: 30m, 12h, 7d.") var since: String?
        @Flag(help: "Print JSON, one object per event.") var json = false

        func run() async throws {
            let settings = try configuration.load()
            var filter = EventFilter()
            filter.tag = tag == "-" ? "" : tag
            if let since {
                guard let span = Output.span(since) else {
                    throw Exit.failure(64, "--since must be a time such as 30m, 12h or 7d")
                }
                filter.since = SystemClock.now() - span
            }
            let reader = EventReader(directory: settings.dataDirectory)
            let isAwaited = !reader.isThere
            while !reader.isThere {
                guard follow else { throw Exit.failure(69, "there are no events in \(settings.dataDirectory) yet") }
                try await Task.sleep(for: .milliseconds(200))
            }
            // What came while it was waited for came from now on.
            if follow, since == nil, !isAwaited {
                filter.after = try await Exit.guarded(74) { try await reader.lastSequence() }
            }
            repeat {
                while true {
                    let request = filter
                    let found = try await Exit.guarded(74) { try await reader.events(request) }
                    for event in found { try Events.show(event, json: json) }
                    filter.after = found.last?.sequence ?? filter.after
                    if found.isEmpty { break }
                }
                if follow { try await Task.sleep(for: .milliseconds(200)) }
            } while follow
        }
    }

    static func show(_ event: StoredEvent, json: Bool) throws {
        if json { return try Output.json(event) }
        var line = "\(Output.time(event.time))  \(event.kind)  \(event.result)"
        if let address = event.address, event.sharedBy == nil {
            line += "  <\(address)>"
        } else if !event.who.isEmpty {
            line += "  \(event.who)"
        }
        if let tag = event.tag, !tag.isEmpty { line += "  tag=\(tag)" }
        if !event.url.isEmpty { line += "  \(event.url)" }
        if !event.upstream.isEmpty { line += "  upstream=\(event.upstream)" }
        if !event.passedThrough.isEmpty { line += "  not tracked: \(event.passedThrough)" }
        if !event.reply.isEmpty { line += "  \(event.reply)" }
        if !event.evidence.isEmpty { line += "  (\(event.evidence))" }
        if !event.agent.isEmpty { line += "  \(event.agent)" }
        if !event.client.isEmpty { line += "  \(event.client)" }
        Output.line(Output.harmless(line))
    }

    static func archive(_ configuration: ConfigurationOption, makesMissing: Bool = false) throws -> EventArchive {
        let settings = try configuration.load()
        let rules = try load(settings.web.hitClassesFile)
        return try Exit.guarded(69) {
            try EventArchive(directory: settings.dataDirectory, rules: rules, makesMissing: makesMissing)
        }
    }

    private static func load(_ path: String?) throws -> HitRules {
        do {
            return try HitRulesFile.load(path)
        } catch {
            throw Exit.failure(78, "\(error)")
        }
    }

    struct ImportJournal: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import",
            abstract: "Take over the journals of trackers that run with --only tracking.",
            discussion: """
                What is there already is not stored twice: a file may be taken over again. A tracker faces the Internet, so \
                only its hits are taken, on mails that are known here, and classed here; what else the file says is left \
                out and told of. With --from-relay it is this relay's own journal, after its database was lost.
                """)

        @OptionGroup var configuration: ConfigurationOption
        @Flag(help: "The files are this relay's own: take mails and deliveries, too.") var fromRelay = false
        @Argument(help: "Files that were DATA-DIRECTORY/events.journal.") var files: [String]

        func run() throws {
            let archive = try Events.archive(configuration, makesMissing: true)
            for file in files {
                let result = try Exit.guarded(74) {
                    try archive.takeOver(file, trust: fromRelay ? .everything : .hits, now: SystemClock.now()) {
                        Output.progress("\(file): \($0 * 100 / max($1, 1)) %")
                    }
                }
                Output.progress("")
                let damaged = result.damaged == 0 ? "" : ", \(result.damaged) damaged lines left out"
                Output.line("\(file): \(result.new) new events of \(result.events)\(damaged)")
                for (reason, count) in result.refused.sorted(by: { $0.key < $1.key }) {
                    Output.note("\(file): \(count) left out: \(reason)")
                }
            }
        }
    }

    struct Reclassify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Judge all stored hits by the rules as they are now, and correct the figures.",
            discussion:
                "The rules are those of hit-classes-file in [web], or the shipped ones. Works while the service runs.")

        @OptionGroup var configuration: ConfigurationOption

        func run() throws {
            let archive = try Events.archive(configuration)
            let changed = try Exit.guarded(74) { try archive.reclassify { Output.progress("\($0) mails") } }
            Output.progress("")
            Output.line("\(changed) hits have another class or evidence now")
        }
    }

    struct Classes: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the shipped rules that tell people from machines, to start a file of your own from.")

        func run() { print(HitRules.shippedText, terminator: "") }
    }

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Everything that is kept of a recipient, as JSON lines.")

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The address.") var address: String

        func run() throws {
            let archive = try Events.archive(configuration)
            for event in try Exit.guarded(74, { try archive.export(recipient: address) }) { try Output.json(event) }
        }
    }

    struct Erase: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Empty every field that tells of a recipient; figures stay as they are.",
            discussion: """
                Address, clients, agents, links, replies and subjects of the recipient's mails, and their kept texts, also \
                in logs and journals beside the databases. Mail that still waits in the queue, texts of delivered mail in \
                the queue's segments until these are reused, and your log are not touched: see `tracerelay queue` and \
                your log's rotation.
                """)

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The address.") var address: String

        func run() throws {
            // Where the database is lost, journal and texts may still hold what is to go.
            let archive = try Events.archive(configuration, makesMissing: true)
            let messages = try Exit.guarded(74) { try archive.erase(recipient: address) }
            Output.line("\(address) is erased from \(messages.count) \(messages.count == 1 ? "mail" : "mails")")
        }
    }
}
