import FakeUpstream
import Foundation
import Glibc
import NIOPosix
import OpenSSLBridge
import SMTPProtocol
import SMTPTransport
import Testing

/// A relay as a process of its own, in a folder of its own, in front of a fake upstream.
final class Lab: @unchecked Sendable {
    let folder: String
    let upstream: FakeUpstream
    private var process = Process()
    private(set) var smtp = 0
    private(set) var web = 0
    private var starts = 0

    /// - Parameters:
    ///   - more: lines behind the generated ones, with sections of their own.
    ///   - upstreamLines: further lines of `[upstream.default]`.
    init(
        _ settings: FakeUpstream.Settings = FakeUpstream.Settings(), upstreamLines: String = "",
        trackingLines: String = "",
        more: String = "", trust: [UInt8]? = nil
    ) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        upstream = try await FakeUpstream.start(settings)
        try Data(trust ?? upstream.authorityPEM).write(to: URL(fileURLWithPath: folder + "/ca.pem"))
        let text = """
            hostname = "relay.test"
            data-directory = "\(folder)/data"
            [[listener]]
            address = "127.0.0.1:0"
            [upstream.default]
            address = "127.0.0.1:\(upstream.port)"
            ca-file = "\(folder)/ca.pem"
            \(upstreamLines)
            [tracking]
            base-url = "http://127.0.0.1:8025"
            \(trackingLines)
            [tag.Test]
            [web]
            address = "127.0.0.1:0"
            [queue]
            retry = ["200ms"]
            \(more)
            """
        try text.write(toFile: folder + "/relay.conf", atomically: true, encoding: .utf8)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The command as it was built beside the tests.
    static let command: String = {
        var path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<3 {
            let candidate = path.appendingPathComponent("tracerelay").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            path = path.deletingLastPathComponent()
        }
        return Bundle.main.bundleURL.appendingPathComponent("tracerelay").path
    }()

    func start() async throws {
        starts += 1
        let log = "\(folder)/log.\(starts)"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process = Process()
        process.executableURL = URL(fileURLWithPath: Self.command)
        process.arguments = ["serve", "--config", folder + "/relay.conf"]
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let lines = try await waitForLog("listening http=")
        smtp = try #require(Self.port(lines, "smtp="))
        web = try #require(Self.port(lines, "http="))
    }

    private static func port(_ log: String, _ key: String) -> Int? {
        guard let range = log.range(of: key) else { return nil }
        return log[range.upperBound...].prefix { !$0.isWhitespace }.split(separator: ":").last.flatMap { Int($0) }
    }

    /// The log of the running process.
    var log: String { (try? String(contentsOfFile: "\(folder)/log.\(starts)", encoding: .utf8)) ?? "" }

    /// Waits for a text in the log.
    @discardableResult
    func waitForLog(_ text: String, seconds: Double = 20) async throws -> String {
        let end = Date().addingTimeInterval(seconds)
        while !log.contains(text) {
            try #require(Date() < end, "\"\(text)\" never came:\n\(log)")
            try await Task.sleep(for: .milliseconds(20))
        }
        return log
    }

    func killHard() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func stop() async throws -> Int32 {
        process.terminate()
        let end = Date().addingTimeInterval(30)
        while process.isRunning {
            try #require(Date() < end, "the relay does not stop:\n\(log)")
            try await Task.sleep(for: .milliseconds(20))
        }
        return process.terminationStatus
    }

    /// A client of the relay with so many connections.
    func client(connections: Int = 1) -> UpstreamPool {
        var route = UpstreamRoute(
            name: "relay", host: "127.0.0.1", port: smtp, protection: .none, hostname: "client.test")
        route.maximumConnections = connections
        return UpstreamPool(route: route, group: MultiThreadedEventLoopGroup.singleton)
    }

    /// Runs another command.
    func run(_ arguments: String...) async throws -> (status: Int32, output: String) {
        let command = Process()
        command.executableURL = URL(fileURLWithPath: Self.command)
        command.arguments = arguments
        let pipe = Pipe()
        command.standardOutput = pipe
        command.standardError = pipe
        try command.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        command.waitUntilExit()
        return (command.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    /// GET over a plain socket; nothing follows redirects.
    func get(_ path: String, host: String = "t") throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(web).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        let request = Array(
            "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: Firefox\r\nConnection: close\r\n\r\n".utf8)
        try #require(write(descriptor, request, request.count) == request.count)
        var response: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            response += buffer[..<count]
        }
        return String(decoding: response, as: UTF8.self)
    }
}

extension UpstreamPool {
    /// Sends a mail.
    /// - Returns: the codes of the replies; empty where the connection failed.
    func send(_ text: String, from: String = "news@shop.example", to: [String] = ["ann@customer.example"]) async
        -> [Int]
    {
        let bytes = Array(text.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n").utf8)
        let transaction = Transaction(
            reversePath: ReversePath(Mailbox(from)), recipients: to.compactMap { Mailbox($0) }.map { ForwardPath($0) },
            octets: bytes.count)
        let report = await deliver(transaction, OutgoingContent(pieces: [bytes[...]]))
        if case .answered(let replies) = report.outcome { return replies.map(\.reply.code) }
        return []
    }
}
