import ArgumentParser
import Foundation
import Relay
import RelayConfiguration
import Tracking

/// `--config FILE`.
struct ConfigurationOption: ParsableArguments {
    @Option(name: .long, help: "The configuration file.")
    var config = "/etc/tracerelay/relay.conf"

    /// The settings, or the end: each error on its own line, exit code 78 (EX_CONFIG); 66 where there is no file.
    func load() throws -> RelaySettings { try load { try ConfigurationLoader.parse($0, file: $1) } }

    /// What `serve --only tracking` needs.
    func loadTracker() throws -> TrackerSettings { try load { try ConfigurationLoader.parseTracker($0, file: $1) } }

    private func load<Settings>(_ parse: (String, String) throws -> Settings) throws -> Settings {
        guard let data = FileManager.default.contents(atPath: config) else {
            throw Exit.failure(
                66, "cannot read \(config); name the file with --config, or start from relay.conf.example")
        }
        do {
            return try parse(String(decoding: data, as: UTF8.self), config)
        } catch {
            throw Exit.failure(78, "\(error)")
        }
    }
}

enum Exit {
    /// Says what is wrong and ends with a code of sysexits(3).
    static func failure(_ code: Int32, _ text: String) -> ExitCode {
        LogSink.standardError.flush()
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

extension Exit {
    /// See ``guarded(_:_:)``.
    static func guarded<Value>(_ code: Int32, _ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            throw failure(code, "\(error)")
        }
    }
}

enum Output {
    /// A line at once: whoever reads through a pipe waits for it.
    static func line(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    /// What came from elsewhere, without what a terminal would obey.
    static func harmless(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return String(result)
    }

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

    /// A span such as `30m`, `12h` or `7d`, in milliseconds.
    static func span(_ text: String) -> Int64? {
        Quantity.duration(text).map { Int64($0 / .milliseconds(1)) }
    }

    /// A counter that rewrites its line on a terminal, and nothing elsewhere.
    static func progress(_ text: String) {
        guard isatty(2) == 1 else { return }
        FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8))
    }

    static func contents(_ path: String) throws -> [UInt8] {
        let data =
            path == "-" ? FileHandle.standardInput.readDataToEndOfFile() : FileManager.default.contents(atPath: path)
        guard let data else { throw Exit.failure(66, "cannot read \(path)") }
        return Array(data)
    }
}
