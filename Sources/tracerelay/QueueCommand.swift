import ArgumentParser
import Foundation
import MessageQueue
import Relay
import RelayConfiguration
import StorageSQLite
import TrackingWeb

struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "List and change the queue; works while the service runs.",
        subcommands: [List.self, Show.self, Retry.self, Hold.self, Release.self, Delete.self],
        defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What waits, and why.")
        @OptionGroup var configuration: ConfigurationOption
        @Flag(help: "Print JSON, one object per mail.") var json = false
        @Option(help: "At most so many.") var limit = 1_000

        func run() throws {
            let queue = try QueueCommand.open(configuration)
            let messages = try Exit.guarded(74) { try queue.list(limit: limit) }
            for message in messages {
                if json { try Output.json(QueueEntry(message)) } else { print(QueueCommand.line(message)) }
            }
            guard !json else { return }
            let census = try Exit.guarded(74) { try queue.census() }
            let count = census.messages
            let shown = count > messages.count ? ", \(messages.count) shown" : ""
            let failed = census.failed > 0 ? ", \(census.failed) failed" : ""
            let damaged = census.damaged > 0 ? ", \(census.damaged) damaged" : ""
            print("\(count) in the queue\(failed)\(damaged)\(shown)")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One mail with all its recipients; its content with --content.")
        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The queue id.") var id: String
        @Flag(help: "Print the content as it was received.") var content = false
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            let queue = try QueueCommand.open(configuration)
            let ids = try QueueCommand.parse([id])
            guard let message = try Exit.guarded(74, { try queue.message(ids[0]) }) else {
                throw Exit.failure(69, "\(id) is not in the queue")
            }
            if content {
                let bytes = try Exit.guarded(74) { try queue.content(of: message.id) }
                return try Exit.guarded(74) { try FileHandle.standardOutput.write(contentsOf: Data(bytes)) }
            }
            if json { return try Output.json(QueueEntry(message)) }
            print(QueueCommand.line(message))
            if message.isDamaged {
                let damage = try Exit.guarded(74) { try queue.damage(message) }
                print("    \(damage ?? "it is whole again; `tracerelay queue retry \(id)` lets it go")")
            }
            for recipient in message.recipients {
                print("    <\(recipient.address)> \(recipient.state.rawValue) \(recipient.lastReply)")
            }
        }
    }

    struct Selection: ParsableArguments {
        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "Queue ids.") var ids: [String] = []
        @Flag(help: "All mails.") var all = false

        func apply(_ done: String, _ body: (QueueInspector, [QueueID]?) throws -> Int) throws {
            guard all != !ids.isEmpty else { throw Exit.failure(64, "name queue ids, or say --all") }
            let queue = try QueueCommand.open(configuration)
            let parsed = all ? nil : try QueueCommand.parse(ids)
            print("\(try Exit.guarded(74) { try body(queue, parsed) }) \(done)")
        }
    }

    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Try mails again now.",
            discussion: """
                Mail that failed waits anew, for a full lifetime, and for those only who did not get it. Damaged mail is read \
                again and let go where it is whole.
                """)
        @OptionGroup var selection: Selection

        func run() throws {
            let settings = try selection.configuration.load()
            var damaged: [(id: QueueID, reason: String)] = []
            try selection.apply("due now") { queue, ids in
                let result = try queue.retry(
                    ids, now: SystemClock.now(), lifetime: Int64(settings.queue.lifetime / .milliseconds(1)))
                damaged = result.damaged
                return result.due
            }
            for (id, reason) in damaged { Output.note("\(id) is damaged still and is not sent: \(reason)") }
            if !damaged.isEmpty { throw ExitCode(74) }
        }
    }

    struct Hold: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keep mails from being sent.")
        @OptionGroup var selection: Selection
        func run() throws { try selection.apply("held") { try $0.hold($1, true) } }
    }

    struct Release: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let held mails go.")
        @OptionGroup var selection: Selection
        func run() throws { try selection.apply("released") { try $0.hold($1, false) } }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete mails for good.")
        @OptionGroup var selection: Selection
        func run() throws { try selection.apply("deleted") { try $0.delete($1) } }
    }

    static func line(_ message: QueuedMessage) -> String {
        let shown = message.isFailed ? message.recipients.filter { $0.state == .failed } : message.waiting
        let reason = shown.first { !$0.lastReply.isEmpty }?.lastReply ?? ""
        let to = shown.prefix(3).map { "<\($0.address)>" }.joined(separator: " ")
        let more = shown.count > 3 ? " and \(shown.count - 3) more" : ""
        let head = "\(message.id)  \(Output.time(message.arrival))  \(message.octets)  <\(message.reversePath)>"
        return Output.harmless("\(head) -> \(to)\(more)  [\(state(message))]\(reason.isEmpty ? "" : "  \(reason)")")
    }

    private static func state(_ message: QueuedMessage) -> String {
        if message.isDamaged { return "damaged" }
        if message.isFailed { return "failed" }
        if message.isHeld { return "held" }
        if message.attempts == 0 { return "new" }
        return message.nextAttempt <= SystemClock.now() ? "due" : "next \(Output.time(message.nextAttempt))"
    }

    static func open(_ configuration: ConfigurationOption) throws -> QueueInspector {
        let settings = try configuration.load()
        return try Exit.guarded(69) { try QueueInspector(directory: settings.dataDirectory) }
    }

    static func parse(_ texts: [String]) throws -> [QueueID] {
        try texts.map { text in
            guard let id = QueueID(text) else {
                throw Exit.failure(64, "\(text) is no queue id; `tracerelay queue list` shows them")
            }
            return id
        }
    }
}
