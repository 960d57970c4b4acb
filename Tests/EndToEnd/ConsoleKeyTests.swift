import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// README's least configuration behind a plain `proxy_pass`: to the service the Internet is a client on loopback that
    /// asks for 127.0.0.1:8025.
    @Test func theLeastConfigurationShowsTheInternetNothing() async throws {
        let lab = try await Lab()
        try lab.edit("http://127.0.0.1:8025", "https://track.example.com")
        try lab.edit("[web]\n", "[web]\ntracking-address = \"127.0.0.1:0\"\n")
        try await lab.start()
        for version in ["HTTP/1.0", "HTTP/1.1"] {
            for (request, code) in [
                ("GET /", "303"), ("GET /messages", "303"), ("GET /api/v1/messages", "401"), ("GET /metrics", "401"),
                ("DELETE /api/v1/queue/0123456789AB", "401"), ("GET /livez", "200"), ("GET /readyz", "200"),
            ] {
                let answer = try await lab.exchange(
                    "\(request) \(version)\r\nHost: 127.0.0.1:8025\r\nConnection: close\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 \(code) "), "\(request) \(version): \(answer.prefix(80))")
            }
        }
        let file = lab.folder + "/data/console-key"
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let printed = try await lab.run("console", "--config", lab.folder + "/relay.conf")
        let key = try await lab.run("console", "--key", "--config", lab.folder + "/relay.conf").output
            .trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(key.count == 64 && printed.output.contains(key) && printed.status == 0)
        let ticket = try #require(printed.output.firstMatch(of: /\/login\?ticket=\S+/)?.0)
        #expect(try await lab.get(String(ticket), host: "127.0.0.1").contains("\r\nSet-Cookie: tracerelay_session="))
        #expect(try await !lab.get(String(ticket), host: "127.0.0.1").contains("Set-Cookie"))
        func metrics() async throws -> String {
            try await lab.exchange(
                "GET /metrics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(key)\r\nConnection: close\r\n\r\n")
        }
        #expect(try await metrics().hasPrefix("HTTP/1.1 200 "))
        // The service hears of the end of the connections before this one a moment later.
        #expect(try await eventually { try await metrics().contains("\nweb_connections 1\n") })
        // The other listener serves pixel and links alone.
        let ports = lab.log.matches(of: /http=127\.0\.0\.1:(\d+)/).compactMap { Int($0.1) }
        #expect(ports.count == 2)
        for (path, code) in [
            ("/", "404"), ("/livez", "404"), ("/metrics", "404"), ("/login", "404"), ("/robots.txt", "200"),
        ] {
            let answer = try await lab.exchange(
                "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", port: ports.last)
            #expect(answer.hasPrefix("HTTP/1.1 \(code) "), "\(path)")
        }
        // The key stays; one that is none is not replaced in silence, for somebody may have put it there.
        #expect(try await lab.stop() == 0)
        try await lab.start()
        #expect(try await metrics().hasPrefix("HTTP/1.1 200 "))
        #expect(try await lab.stop() == 0)
        try "short".write(toFile: file, atomically: false, encoding: .utf8)
        let refused = try await lab.run("serve", "--config", lab.folder + "/relay.conf")
        #expect(refused.status == 73 && refused.output.contains("holds no key"), "\(refused)")
    }

    /// The console of a demo is for this machine, and its proxies are not this machine.
    @Test func anOpenConsoleRefusesWhatWasForwarded() async throws {
        let lab = try await Lab()
        try await lab.start()
        for (begin, code) in [
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1:8025\r\n", "200"),
            ("GET / HTTP/1.0\r\nHost: 127.0.0.1:8025\r\n", "403"),
            ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Real-IP: 192.0.2.1\r\n", "403"),
            ("DELETE /api/v1/queue/x HTTP/1.1\r\nHost: localhost\r\nVia: 1.1 a\r\n", "403"),
            ("GET http://evil.test/ HTTP/1.1\r\nHost: 127.0.0.1\r\n", "403"),
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n", "400"),
        ] {
            let answer = try await lab.exchange(begin + "Connection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(code) "), "\(begin): \(answer.prefix(60))")
        }
    }
}
