import HTTPTypes
import Synchronization
import Testing
import TrackingEvents

@testable import TrackingWeb

private let pages = [
    "/", "/feed", "/tags/news", "/tags/-", "/messages", "/messages/x", "/queue", "/health",
    "/messages?recipient=a@b.test",
    "/tags/news?from=2026-01-01&to=2026-02-01",
]

@Test(arguments: [
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='x",
    "{{csrf}} {{{chart}}} {{> head}}",
    // One grapheme each, whose first scalar would end a tag or an attribute.
    "\"\u{301} onmouseover=alert(1) x=\"\u{301}", "<\u{200D}script>", "\u{202E}txt.exe", "\u{1B}[31m",
])
func nothingRemoteBecomesMarkup(_ text: String) async throws {
    let plain = try Site(store: FakeStore(text: "PLAIN"))
    let site = try Site(store: FakeStore(text: text))
    for page in pages {
        let expected = try await plain.execute(page).body
        let found = try await site.execute(page).body
        // The same markup, character by character: what differs is text between the same tags and quotes.
        for mark in ["<", ">", "\"", "'"] {
            #expect(found.count(of: mark) == expected.count(of: mark), "\(page) \(mark)")
        }
        #expect(!found.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{202E}" })
    }
}

extension String {
    fileprivate func count(of mark: String) -> Int { utf8.count { $0 == mark.utf8.first } }
}

@Test func everyPageForbidsWhatItDoesNotNeed() async throws {
    let site = try Site()
    for page in pages {
        let answer = try await site.execute(page)
        #expect(answer.status == .ok, "\(page)")
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        #expect(policy.contains("default-src 'self'") && !policy.contains("unsafe"))
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
        #expect(answer.body.contains("<h1>") && answer.body.contains("</html>"))
    }
    let frame = try await site.execute("/messages/x/html/sent")
    #expect(frame.headers[.contentSecurityPolicy]?.hasPrefix("sandbox; default-src 'none'") == true)
    let source = try await site.execute("/messages/x/original")
    #expect(source.headers[.contentType] == "text/plain; charset=utf-8")
}

@Test func aStoreThatIsDownIsAPageThatSaysSo() async throws {
    let site = try Site(store: FakeStore(isDown: true))
    for page in ["/", "/feed", "/tags/news", "/messages", "/queue"] {
        let answer = try await site.execute(page)
        #expect(answer.status == .serviceUnavailable && answer.body.contains("the store is down"))
    }
    for path in ["tags", "stats", "messages", "messages/x", "events", "queue"] {
        let answer = try await site.execute("/api/v1/\(path)")
        #expect(answer.status == .serviceUnavailable && answer.body == "{\"error\":\"the store is down\"}\n")
    }
}

/// What a tag's mail is, stands on its page; the API has it among the policy's lines.
@Test func aTagSaysWhatItsMailIs() async throws {
    let site = try Site(store: FakeStore(text: "Weekly <offers>"))
    #expect(try await site.execute("/tags/news").body.contains("<p>Weekly &lt;offers&gt;</p>"))
    #expect(try await site.execute("/tags/-").body.contains("<p>Weekly") == false)
    let answer = try await site.execute("/api/v1/tags").body
    #expect(
        answer.contains(
            #"{"key":"description","origin":"built in","value":"\"Weekly <offers>\""}"#))
}

@Test func theWordsStandInTheConsole() async throws {
    let page = try await Site().execute("/").body
    for sentence in [
        "first non-machine pixel hit of a recipient's copy (a click implies an open, marked as inferred)",
        "all non-machine pixel\nhits", "a non-machine hit on a link, same link and source within 60 min counted once",
        "once per recipient copy", "unique ÷\ndelivered copies that were tracked",
    ] { #expect(page.contains(sentence.replacing("\n", with: " ")), "\(sentence)") }
}

@Test func anOpenConsoleAnswersToItsOwnNameOnly() async throws {
    let site = try Site()
    for host in ["127.0.0.1:8025", "localhost", "[::1]:8025", "LOCALHOST:1"] {
        #expect(try await site.execute("/", host: host).status == .ok, "\(host)")
    }
    for host in ["evil.test", "127.0.0.1.evil.test", "", "localhost.evil.test:8025"] {
        #expect(try await site.execute("/", host: host).status == .forbidden, "\(host)")
        #expect(try await site.execute("/api/v1/tags", host: host).status == .forbidden)
    }
}

@Test func whatChangesSomethingComesFromOurOwnForms() async throws {
    let store = FakeStore()
    let site = try Site(store: store)
    let page = try await site.execute("/queue").body
    let token = try #require(page.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
    #expect(try await site.execute("/queue/Q1/hold", .post, body: "csrf=wrong").status == .forbidden)
    #expect(try await site.execute("/queue/Q1/hold", .post).status == .forbidden)
    let foreign: HTTPFields = [.origin: "http://evil.test"]
    #expect(try await site.execute("/queue/Q1/hold", .post, foreign, body: "csrf=\(token)").status == .forbidden)
    #expect(try await site.execute("/api/v1/queue/Q1/hold", .post, foreign).status == .forbidden)
    var crossSite = HTTPFields()
    crossSite[HTTPField.Name.fetchSite] = "cross-site"
    #expect(try await site.execute("/api/v1/queue/Q1", .delete, crossSite).status == .forbidden)
    #expect(store.performed.withLock { $0.isEmpty })
    let done = try await site.execute("/queue/Q1/hold", .post, body: "csrf=\(token)")
    #expect(done.status == .seeOther && done.headers[.location] == "/queue?done=hold-1")
    #expect(try await site.execute("/queue/all/retry", .post, body: "csrf=\(token)").status == .seeOther)
    #expect(try await site.execute("/queue/all/delete", .post, body: "csrf=\(token)").status == .notFound)
    #expect(try await site.execute("/api/v1/queue/Q2", .delete).status == .ok)
    #expect(try await site.execute("/api/v1/queue/unknown/retry", .post).status == .notFound)
    #expect(store.performed.withLock { $0 } == ["hold Q1", "retry all", "delete Q2", "retry unknown"])
    #expect(try await site.execute("/queue?done=hold-2").body.contains("2 mails held."))
    #expect(try await !site.execute("/queue?done=Call%20this%20number").body.contains("Call"))
}

@Test func aPasswordOrATokenOpensTheConsole() async throws {
    let site = try Site {
        $0.takesPassword = true
        $0.takesToken = true
        $0.verifyPassword = { $0 == "open sesame+&" }
        $0.verifyToken = { $0 == "token" }
    }
    let refused = try await site.execute("/", host: "console.test")
    #expect(refused.status == .seeOther && refused.headers[.location] == "/login")
    #expect(try await site.execute("/api/v1/tags", host: "console.test").status == .unauthorized)
    #expect(try await site.execute("/metrics", host: "console.test").status == .unauthorized)
    #expect(
        try await site.execute("/metrics", .get, [.authorization: "Bearer token"], host: "console.test").status == .ok)
    #expect(try await site.execute("/metrics", .get, [.authorization: "Bearer wrong"]).status == .unauthorized)
    let login = try await site.execute("/login").body
    let csrf = try #require(login.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
    #expect(try await site.execute("/login", .post, body: "password=open+sesame%2B%26").status == .forbidden)
    #expect(try await site.execute("/login", .post, body: "csrf=\(csrf)&password=wrong").status == .forbidden)
    let right = try await site.execute("/login", .post, body: "csrf=\(csrf)&password=open+sesame%2B%26")
    #expect(right.status == .seeOther && right.headers[.location] == "/")
    let cookie = try #require(right.headers[.setCookie])
    #expect(cookie.contains("HttpOnly; SameSite=Strict"))
    let session = String(cookie.prefix { $0 != ";" })
    #expect(try await site.execute("/", .get, [.cookie: "a=b; \(session)"]).status == .ok)
    #expect(try await site.execute("/", .get, [.cookie: session + "0"]).status == .seeOther)
    for forged in ["00", String(repeating: "0", count: 32), String(repeating: "!", count: 32)] {
        for end in 9_999_999_000..<9_999_999_100 {
            let headers: HTTPFields = [.cookie: "tracerelay_session=\(end).\(forged)"]
            #expect(try await site.execute("/", .get, headers).status == .seeOther)
        }
    }
}

@Test(arguments: [
    ("stats?from=2026-02-30", "from must be a day"), ("stats?from=2026-02-02&to=2026-02-01", "behind"),
    ("stats?granularity=week", "granularity must be one of"),
    ("stats?from=2026-01-01&to=2026-02-01&granularity=minute", "minutes"),
    ("messages?limit=0", "limit must be"), ("messages?limit=1001", "limit must be"),
    ("events?after=x", "after must be"),
    ("events?kind=x", "kind must be one of"), ("queue?format=xml", "format must be one of"),
])
func aWrongParameterIsNamed(_ path: String, _ words: String) async throws {
    let answer = try await Site().execute("/api/v1/\(path)")
    #expect(answer.status == .badRequest && answer.body.contains(words))
}

@Test(arguments: [
    ("=1+1", "'=1+1"), ("-5", "-5"), ("-x", "'-x"), ("+49 30", "'+49 30"), ("@a", "'@a"), ("a,b", "\"a,b\""),
    ("a\"b", "\"a\"\"b\""), ("\"\u{301}", "\"\"\"\u{301}\""), ("a\nb", "\"a\nb\""), ("", ""), ("plain", "plain"),
])
func aCellIsNoFormula(_ text: String, _ cell: String) { #expect(CSVText.cell(text) == cell) }

@Test func jsonTextsAreOneLine() {
    #expect(JSONText.quoted("a\"\\\n\u{2028}\u{1B}\u{9B}é") == "\"a\\\"\\\\\\u000a\\u2028\\u001b\\u009bé\"")
}

/// What failed does not wait, and is named wherever the queue is summed up.
@Test(arguments: [
    (1, 0, 0, "One mail waits."), (2, 0, 0, "2 mails wait."), (1, 1, 0, "No mail waits. 1 failed and is kept."),
    (5, 2, 1, "2 mails wait. 2 failed and are kept. 1 is damaged and kept."),
])
func theQueueIsSummedUp(_ count: Int, _ failed: Int, _ damaged: Int, _ sentence: String) {
    #expect(QueuePage.summary(count, (failed, damaged)) == sentence)
}
