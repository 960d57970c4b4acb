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
    @Option(help: "Where the mail that would be sent goes: a file, or a folder for a folder.") var output: String?
    @Flag(inversion: .prefixedNo, help: "Show what changes, line by line.") var diff = true
    @Flag(help: "Print JSON, one object per mail.") var json = false

    func run() throws {
        let settings = try config.map { path in
            var option = ConfigurationOption()
            option.config = path
            return try option.load()
        }
        let explainer = try Exit.guarded(78) { try Explainer(settings: settings, tag: tag) }
        let isMany = paths.count > 1 || paths.contains { isFolder($0) }
        for path in paths.flatMap(files) {
            let message = try Output.contents(path)
            let explanation = explainer.explain(message, recipient: recipient)
            if json {
                try Output.json(Entry(path: path, explanation: explanation))
            } else {
                print("\(path)\n\(explanation.text)")
                if diff, !explanation.diff.isEmpty { print(explanation.diff) }
            }
            if let output {
                try write(
                    explanation.output, isMany ? "\(output)/\((path as NSString).lastPathComponent)" : output, isMany)
            }
        }
    }

    private struct Entry: Encodable {
        let path: String
        let explanation: Explanation
    }

    private func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private func files(_ path: String) -> [String] {
        guard isFolder(path) else { return [path] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".eml") }.sorted().map { "\(path)/\($0)" }
    }

    private func write(_ bytes: [UInt8], _ path: String, _ makesFolder: Bool) throws {
        if makesFolder, let output {
            try? FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        }
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
            throw Exit.failure(73, "cannot write \(path)")
        }
    }
}
