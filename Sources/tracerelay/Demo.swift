import ArgumentParser
import FakeUpstream
import Foundation
import Relay
import RelayConfiguration
import ServiceLifecycle
import Tracking

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Everything on loopback with nothing configured: relay, tracking service, and an upstream that shows what arrives."
    )

    @Option(help: "Where mail is taken.") var smtp = "127.0.0.1:2525"
    @Option(help: "Pixel, redirect and console.") var web = "127.0.0.1:8025"
    @Option(help: "Queue, events and keys; a fresh folder under the temporary one when not given.") var directory:
        String?

    func run() async throws {
        guard let smtp = Endpoint(smtp), let web = Endpoint(web) else {
            throw Exit.failure(64, "--smtp and --web must be HOST:PORT")
        }
        guard smtp.isLoopback, web.isLoopback else { throw Exit.failure(64, "the demo stays on loopback") }
        let folder =
            directory.map { URL(fileURLWithPath: $0).path }
            ?? FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-demo-\(getpid())").path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let upstream = try await FakeUpstream.start()
        let authority = folder + "/upstream-ca.pem"
        guard FileManager.default.createFile(atPath: authority, contents: Data(upstream.authorityPEM)) else {
            throw Exit.failure(73, "cannot write \(authority)")
        }
        upstream.onMessage { Output.line(DemoReport.text($0)) }
        let settings = try Exit.guarded(70) { try Self.settings(smtp, web, folder, authority, upstream.port) }
        try await Running.run(settings) { _ in
            Output.line(DemoReport.welcome(smtp: smtp, web: web, folder: folder))
        }
        if directory == nil { try? FileManager.default.removeItem(atPath: folder) }
    }

    private static func settings(
        _ smtp: Endpoint, _ web: Endpoint, _ folder: String, _ authority: String, _ port: Int
    ) throws -> RelaySettings {
        let text = """
            hostname = "localhost"
            data-directory = "\(folder)"
            [[listener]]
            address = "\(smtp)"
            [upstream.default]
            address = "127.0.0.1:\(port)"
            ca-file = "\(authority)"
            [tracking]
            base-url = "http://\(web)"
            keep-source = "1d"
            keep-subject = true
            [tag.demo]
            [web]
            address = "\(web)"
            [log]
            level = "warning"
            """
        // The other commands find the demo's queue and events by it.
        guard FileManager.default.createFile(atPath: folder + "/relay.conf", contents: Data(text.utf8)) else {
            throw Exit.failure(73, "cannot write \(folder)/relay.conf")
        }
        return try ConfigurationLoader.parse(text, file: folder + "/relay.conf")
    }
}

enum DemoReport {
    static func welcome(smtp: Endpoint, web: Endpoint, folder: String) -> String {
        let trace = String(
            decoding: TraceHeader.encode(TraceRequest(tagName: "demo", opens: true, clicks: true)), as: UTF8.self)
        return """
            tracerelay demo: mail to \(smtp) is tracked under the tag "demo" and goes to an upstream in this process,
            over STARTTLS with a verified certificate. Pixel, links and console: http://\(web)/. Queue and events: \(folder)

            Send a tracked mail from another terminal (copy and paste):

            printf '%s\\r\\n' 'From: shop@example.com' 'To: ann@example.net' 'Subject: Hello' 'MIME-Version: 1.0' \\
              'Content-Type: text/html; charset=UTF-8' 'X-AliDM-Trace: \(trace)' '' \\
              '<html><body><a href="https://example.com/?a=1&amp;b=2">Offers</a></body></html>' |
              curl -sS smtp://\(smtp) --mail-from shop@example.com --mail-rcpt ann@example.net -T -

            It will show up here and in the console, http://\(web)/, where opens and clicks appear as they happen. Open one
            of its links, or follow the events in a terminal:

            tracerelay events --follow --config \(folder)/relay.conf

            Ctrl-C ends the demo.
            """
    }

    /// What arrived, with its tracked links.
    static func text(_ message: CapturedMessage) -> String {
        let body = OutgoingPreview.links(in: message.content)
        let links = body.isEmpty ? "    no tracked links" : body.map { "    \($0)" }.joined(separator: "\n")
        return """
            --- mail \(message.number) arrived upstream: <\(message.from)> -> \(message.to.joined(separator: ", ")), \(message.octets) octets, \(message.tls ?? "in clear")
            \(links)
            """
    }
}
