import ArgumentParser
import Foundation
import Relay
import RelayConfiguration

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what would be done to a mail, or to every .eml in a folder, and why.")

    @Argument(help: "Mails or folders of .eml files; - for standard input.") var paths: [String]
    @Option(help: "Track under this tag, whatever the mail says.") var tag: String?
    @Option(help: "Number of the recipient whose tokens are made, from 0.") var recipient = 0
    @Option(help: "The configuration file; without one: tracking under any tag with a key made for this run.")
    var config: String?
    @Option(help: "Where the mail that would be sent goes: a file, or for folders and several mails a folder.")
    var output: String?
    @Flag(inversion: .prefixedNo, help: "Show what changes, line by line.") var diff = true
    @Flag(help: "Print JSON, one object per mail.") var json = false

    func run() throws {
        let settings = try config.map { path in
            var option = ConfigurationOption()
            option.config = path
            return try option.load()
        }
        let explainer = try Exit.guarded(78) { try Explainer(settings: settings, tag: tag) }
        var isReadable = true
        let mails = try ExplainedMails(paths, output: output) { sentence in
            Output.note(sentence)
            isReadable = false
        }
        for mail in mails.all {
            // One that cannot be read does not hide what there is to say of the others.
            guard let message = try? Output.contents(mail.path) else {
                isReadable = false
                continue
            }
            let explanation = explainer.explain(message, recipient: recipient)
            if json {
                try Output.json(Entry(path: mail.path, explanation: explanation))
            } else {
                print("\(mail.path)\n\(explanation.text)")
                if diff, !explanation.diff.isEmpty { print(explanation.diff) }
            }
            if let target = mail.output { try write(explanation.output, target, makesFolder: mails.isMany) }
        }
        guard isReadable else { throw ExitCode(66) }
    }

    private struct Entry: Encodable {
        let path: String
        let explanation: Explanation
    }

    private func write(_ bytes: [UInt8], _ path: String, makesFolder: Bool) throws {
        if makesFolder {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            do {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            } catch {
                throw Exit.failure(73, "cannot make the folder \(folder.path)")
            }
        }
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
            throw Exit.failure(73, "cannot write \(path)")
        }
    }
}
