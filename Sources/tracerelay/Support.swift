import ArgumentParser
import Foundation
import Relay
import RelayConfiguration

/// `--config FILE`.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .long, help: "The configuration file.")
    var config = "/etc/tracerelay/relay.conf"

    /// The settings, or the end: each error on its own line, exit code 78 (EX_CONFIG); 66 where there is no file.
    func load() throws -> RelaySettings {
        guard let data = FileManager.default.contents(atPath: config) else {
            throw Exit.failure(
                66, "cannot read \(config); name the file with --config, or start from relay.conf.example")
        }
        do {
            return try ConfigurationLoader.parse(String(decoding: data, as: UTF8.self), file: config)
        } catch {
            throw Exit.failure(78, error.description)
        }
    }
}

enum Exit {
    /// Says what is wrong and ends with a code of sysexits(3).
    static func failure(_ code: Int32, _ text: String) -> ExitCode {
        FileHandle.standardError.write(Data((text + "\n").utf8))
        return ExitCode(code)
    }

    /// Runs a body whose errors are sentences; they end the command with `code`.
    static func guarded<Value>(_ code: Int32, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw failure(code, "\(error)")
        }
    }
}

enum Output {
    /// A line at once: whoever reads through a pipe waits for it.
    static func line(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    /// A line to standard error.
    static func note(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Local time, to the second.
    static func time(_ milliseconds: Int64) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1_000))
    }

    static func contents(_ path: String) throws -> [UInt8] {
        let data =
            path == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path)
        guard let data else { throw Exit.failure(66, "cannot read \(path)") }
        return Array(data)
    }
}
