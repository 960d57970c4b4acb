import FakeUpstream
import Foundation
import Glibc
import NIOPosix
import OpenSSLBridge
import SMTPProtocol
import SMTPTransport
import TestSupport
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

    /// Changes relay.conf.
    func edit(_ old: String, _ new: String) throws {
        let path = folder + "/relay.conf"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Starts the relay, and waits until it listens.
    /// - Parameter through: a command, with its arguments, that becomes the relay.
    func start(through wrapper: [String] = []) async throws {
        starts += 1
        let log = "\(folder)/log.\(starts)"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        try run(log: try #require(FileHandle(forWritingAtPath: log)), through: wrapper)
        let lines = try await waitForLog("listening http=")
        smtp = try #require(Self.port(lines, "smtp="))
        web = try #require(Self.port(lines, "http="))
    }

    /// Starts the relay with its log in a pipe that nobody reads; the ports are fixed in relay.conf first.
    func start(log: FileHandle) async throws {
        starts += 1
        smtp = try Self.freePort()
        web = try Self.freePort()
        try edit("[[listener]]\naddress = \"127.0.0.1:0\"", "[[listener]]\naddress = \"127.0.0.1:\(smtp)\"")
        try edit("[web]\naddress = \"127.0.0.1:0\"", "[web]\naddress = \"127.0.0.1:\(web)\"")
        try run(log: log)
        let listens = try await eventually {
            // Local address, no remote one, and state 0A, LISTEN.
            let sockets = Self.sockets()
            return [web, smtp].allSatisfy { sockets.contains(Self.hexadecimal($0) + " 00000000:0000 0A ") }
                || !process.isRunning
        }
        try #require(listens && process.isRunning, "the relay does not listen")
    }

    private func run(log: FileHandle, through wrapper: [String] = []) throws {
        process = Process()
        let line = wrapper + [Command.path, "serve", "--config", folder + "/relay.conf"]
        process.executableURL = URL(fileURLWithPath: line[0])
        process.arguments = Array(line.dropFirst())
        process.standardError = log
        process.standardOutput = FileHandle.nullDevice
        try process.run()
    }

    private static func port(_ log: String, _ key: String) -> Int? {
        guard let range = log.range(of: key) else { return nil }
        return log[range.upperBound...].prefix { !$0.isWhitespace }.split(separator: ":").last.flatMap { Int($0) }
    }

    /// The log of the running process.
    var log: String { (try? String(contentsOfFile: "\(folder)/log.\(starts)", encoding: .utf8)) ?? "" }

    /// Waits for a text in the log.
    @discardableResult
    func waitForLog(_ text: String) async throws -> String {
        try #require(try await eventually { log.contains(text) }, "\"\(text)\" never came:\n\(log)")
        return log
    }

    /// Waits until the upstream has taken so many messages.
    /// - Returns: whether it has.
    func delivers(_ count: Int) async -> Bool { await upstream.wait(for: count, timeout: Patience.limit) }

    /// Waits until the relay is connected to its upstream: a mail is under way.
    func waitForUpstreamConnection() async throws {
        // Remote address and state 01, ESTABLISHED (proc_net(5)).
        let wanted = Self.hexadecimal(upstream.port) + " 01 "
        try #require(
            try await eventually { Self.sockets().contains(wanted) }, "no connection to the upstream:\n\(log)")
    }

    /// A port as /proc/net/tcp has it.
    private static func hexadecimal(_ port: Int) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return ":" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// All of the table: what has no size is read to its end only this way.
    private static func sockets() -> String {
        guard let file = FileHandle(forReadingAtPath: "/proc/net/tcp") else { return "" }
        return String(decoding: file.readDataToEndOfFile(), as: UTF8.self)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(bound)
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    /// The running relay.
    var processIdentifier: Int32 { process.processIdentifier }

    /// Sends a signal to the relay.
    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    func killHard() async throws {
        signal(SIGKILL)
        _ = try await waitForEnd()
    }

    func stop() async throws -> Int32 {
        process.terminate()
        return try await waitForEnd()
    }

    /// Waits for the relay's end.
    /// - Returns: its exit code, or the signal that ended it.
    func waitForEnd() async throws -> Int32 {
        try #require(try await eventually { !process.isRunning }, "the relay does not end:\n\(log)")
        return process.terminationStatus
    }

    /// A client of the relay with so many connections.
    func client(connections: Int = 1) -> UpstreamPool {
        var route = UpstreamRoute(
            name: "relay", host: "127.0.0.1", port: smtp, protection: .none, hostname: "client.test")
        route.limits.connections = connections
        return UpstreamPool(route: route, group: MultiThreadedEventLoopGroup.singleton)
    }

    /// Waits until what `path` shows fits: much is recorded behind the answer that a test has seen.
    /// - Returns: what it showed last.
    @discardableResult
    func waitForPage(_ path: String, _ fits: (String) -> Bool) async throws -> String {
        var page = ""
        let isShown = try await eventually {
            page = try await get(path, host: "127.0.0.1")
            return fits(page)
        }
        try #require(isShown, "\(path) never showed it:\n\(page)")
        return page
    }

    /// GET over a plain socket; nothing follows redirects.
    func get(_ path: String, host: String = "t") async throws -> String {
        try await exchange("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: Firefox\r\nConnection: close\r\n\r\n")
    }

    /// What a web listener answers to these octets until it closes.
    func exchange(_ text: String, port: Int? = nil) async throws -> String {
        try await RawClient.talk(port ?? web) { client in
            try client.say(text)
            return try client.hearAll()
        }
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
