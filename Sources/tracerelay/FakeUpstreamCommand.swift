import ArgumentParser
import FakeUpstream
import Foundation
import SMTPProtocol

struct FakeUpstreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fake-upstream",
        abstract:
            "An upstream for integration tests in any language: STARTTLS, AUTH, captured messages, scripted faults.",
        discussion: """
            Prints one line `listening on HOST:PORT` to standard output when it is ready, and a line for each message to
            standard error. A script is a JSON list such as
            [{"at": "RCPT", "address": "*@bad.test", "action": "reply", "reply": "550 5.1.1 no such user", "times": 2},
             {"at": "content", "action": "hang-up", "times": 1}]
            at: connect EHLO HELO STARTTLS AUTH MAIL RCPT DATA content RSET NOOP QUIT
            action: reply disconnect hang-up accept-and-hang-up delay (with "milliseconds")
            """)

    @Option(help: "HOST:PORT; port 0 lets the system choose.") var address = "127.0.0.1:2526"
    @Option(help: "Messages go here, as NUMBER.eml and NUMBER.json.") var directory: String?
    @Option(help: "JSON list of faults.") var script: String?
    @Option(help: "plain or directmail.") var profile = "plain"
    @Option(help: "starttls, implicit or none.") var tls = "starttls"
    @Option(help: "The certificate authority made for this run is written here, as PEM.") var caFile: String?
    @Option(help: "NAME:PASSWORD that AUTH must give; without it any is taken.") var credentials: String?
    @Flag(help: "Refuse MAIL before AUTH.") var requireAuth = false
    @Option(
        help: "A keyword of EHLO that is not offered: 8BITMIME, PIPELINING, SMTPUTF8, SIZE; may stand more than once.")
    var without: [String] = []
    @Option(help: "Names in the certificate.") var name: [String] = []

    func run() async throws {
        var settings = FakeUpstream.Settings()
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else {
            throw Exit.failure(64, "--address must be HOST:PORT")
        }
        settings.host = address[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        settings.port = port
        settings.directory = directory
        settings.keepsContents = false
        settings.requiresAuthentication = requireAuth
        settings.withheld = Set(without)
        if !name.isEmpty { settings.certificateNames = name }
        guard let profile = FakeUpstream.Settings.Profile(rawValue: profile) else {
            throw Exit.failure(64, "--profile must be plain or directmail")
        }
        settings.profile = profile
        guard let tls = FakeUpstream.Settings.TLS(rawValue: tls) else {
            throw Exit.failure(64, "--tls must be starttls, implicit or none")
        }
        settings.tls = tls
        if let credentials {
            guard let colon = credentials.firstIndex(of: ":") else {
                throw Exit.failure(64, "--credentials must be NAME:PASSWORD")
            }
            settings.credentials = Credentials(
                username: String(credentials[..<colon]),
                password: Secret(Array(credentials[credentials.index(after: colon)...].utf8)))
        }
        if let script {
            let bytes = try Output.contents(script)
            settings.script = try Exit.guarded(65) { try FaultScript(json: bytes) }
        }
        let upstream: FakeUpstream
        do {
            upstream = try await FakeUpstream.start(settings)
        } catch {
            throw Exit.failure(69, "cannot start on \(address): \(error)")
        }
        if let caFile, !FileManager.default.createFile(atPath: caFile, contents: Data(upstream.authorityPEM)) {
            throw Exit.failure(73, "cannot write \(caFile)")
        }
        Output.line("listening on \(settings.host):\(upstream.port)")
        upstream.onMessage { message in
            // Not to standard output: a test suite reads the first line there and then leaves the pipe to fill up.
            Output.note(
                "message \(message.number) from <\(message.from)> to \(message.to.map { "<\($0)>" }.joined(separator: " ")) \(message.octets) octets"
            )
        }
        try await Task.sleep(for: .seconds(1 << 31))
    }
}
