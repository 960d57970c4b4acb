import HTTPTypes
import NIOCore
import Synchronization
import Testing

@testable import TrackingWeb

/// A page that stands open shows nothing more to whoever has logged out, or whose time is over.
@Test(.timeLimit(.minutes(10)), arguments: ["logout", "expiry"])
func theFeedEndsWithItsSession(_ how: String) async throws {
    let now = Mutex<Int64>(1_000)
    let clock = { @Sendable in now.withLock { $0 } }
    let site = try Site {
        $0.takesPassword = true
        $0.verifyPassword = { _ in true }
        $0.now = clock
    }
    let login = try await site.execute("/login").body
    let csrf = try #require(login.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
    let cookies = try await site.execute("/login", .post, body: "csrf=\(csrf)&password=x").headers[values: .setCookie]
    let session = String(try #require(cookies.first { $0.hasPrefix("tracerelay_session=") }).prefix { $0 != ";" })
    let writer = Writer()
    let feed = Task { try await site.execute("/live", .get, [.cookie: session], writer: writer) }
    while !writer.body.withLock({ String(buffer: $0) }).hasPrefix("retry: 2000") {
        try await Task.sleep(for: .milliseconds(5))
    }
    if how == "logout" {
        let page = try await site.execute("/", .get, [.cookie: session]).body
        let form = try #require(page.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
        _ = try await site.execute("/logout", .post, [.cookie: session], body: "csrf=\(form)")
    } else {
        now.withLock { $0 += Sessions.time }
    }
    // The store of these tests has something new all the time, so that it does not end by itself.
    let answer = try await feed.value
    #expect(answer.status == .ok && answer.headers[.contentType] == "text/event-stream; charset=utf-8")
}
