import Foundation
import TestSupport
import Testing

/// What a command said and how it ended.
struct Ending: Sendable {
    let status: Int32
    let octets: [UInt8]
    var output: String { String(decoding: octets, as: UTF8.self) }
}

/// The command as it was built beside the tests.
enum Command {
    static let path: String = {
        var path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<3 {
            let candidate = path.appendingPathComponent("tracerelay").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            path = path.deletingLastPathComponent()
        }
        return Bundle.main.bundleURL.appendingPathComponent("tracerelay").path
    }()

    /// Runs it to its end, which has to come by itself.
    ///
    /// Into a file, not a pipe: nobody has to read, and no other child that was spawned meanwhile holds an end of it.
    /// - Parameter through: a command, with its arguments, that becomes this one.
    static func run(_ arguments: [String], through wrapper: [String] = []) async throws -> Ending {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("output-\(UUID().uuidString)").path
        try Data().write(to: URL(fileURLWithPath: file))
        defer { try? FileManager.default.removeItem(atPath: file) }
        let output = try #require(FileHandle(forWritingAtPath: file))
        let process = Process()
        let line = wrapper + [path] + arguments
        process.executableURL = URL(fileURLWithPath: line[0])
        process.arguments = Array(line.dropFirst())
        process.standardOutput = output
        process.standardError = output
        try process.run()
        // Not waitUntilExit(): behind an await it would run the loop of another thread, for ever.
        let isEnded = try await eventually { !process.isRunning }
        if !isEnded { kill(process.processIdentifier, SIGKILL) }
        let octets = try Data(contentsOf: URL(fileURLWithPath: file))
        try #require(isEnded, "does not end: \(arguments): \(String(decoding: octets, as: UTF8.self))")
        return Ending(status: process.terminationStatus, octets: Array(octets))
    }
}

extension Lab {
    /// Runs another command.
    func run(_ arguments: String..., through wrapper: [String] = []) async throws -> Ending {
        try await Command.run(arguments, through: wrapper)
    }

    /// Runs a command again and again until what it says fits: it reads what is stored behind what a test has seen.
    /// - Returns: what it said last.
    @discardableResult
    func run(_ arguments: String..., until fits: (Ending) -> Bool) async throws -> Ending {
        var ending = Ending(status: 0, octets: [])
        let isSaid = try await eventually {
            ending = try await Command.run(arguments)
            return fits(ending)
        }
        try #require(isSaid, "\(arguments) never said it: \(ending.output)\n\(log)")
        return ending
    }

    /// Starts two relays at once, and stops whoever serves when the other has gone.
    ///
    /// By one shell: of two `Process`es that are spawned at once, the one that lives holds the descriptor by whose end
    /// Foundation would see that the other is gone.
    func startTwice() async throws -> [String] {
        let outputs = ["\(folder)/first", "\(folder)/second"]
        let shell = Process()
        // Not dash: its `wait` needs SIGCHLD, which is blocked here.
        shell.executableURL = URL(fileURLWithPath: "/bin/bash")
        shell.arguments = [
            "-c",
            """
            "$0" serve --config "$1" >"$2" 2>&1 </dev/null & first=$!
            "$0" serve --config "$1" >"$3" 2>&1 </dev/null & second=$!
            read -r; kill $first $second; wait
            """,
            Command.path, folder + "/relay.conf", outputs[0], outputs[1],
        ]
        let stop = Pipe()
        shell.standardInput = stop
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        func said() -> [String] { outputs.map { (try? String(contentsOfFile: $0, encoding: .utf8)) ?? "" } }
        _ = try await eventually {
            let both = said()
            return both.contains { $0.contains("listening http=") } && both.contains { $0.contains("is in use by") }
        }
        try stop.fileHandleForWriting.close()
        try #require(try await eventually { !shell.isRunning }, "two relays do not end: \(said())")
        return said()
    }
}
