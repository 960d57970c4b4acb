import HTTPTypes
import Synchronization
import TestSupport
import Testing
import Tracking

@testable import TrackingWeb

/// What plain proxies, CDNs and balancers say of themselves; nginx by itself says nothing, but speaks HTTP/1.0.
@Test func anOpenConsoleIsLentToNoProxy() async throws {
    let store = FakeStore()
    let site = try Site(store: store)
    for name in [
        "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP",
        "True-Client-IP", "X-Client-IP", "CDN-Loop",
    ] {
        let field = try #require(HTTPField.Name(name))
        for (path, method) in [("/", HTTPRequest.Method.get), ("/api/v1/messages", .get), ("/metrics", .get)] {
            let answer = try await site.execute(path, method, [field: "1"])
            #expect(answer.status == .forbidden && answer.body.contains("tracking-address"), "\(name) \(path)")
        }
        #expect(try await site.execute("/api/v1/queue/Q1", .delete, [field: "1"]).status == .forbidden)
        // Links and the watchers' pages are for everybody.
        #expect(try await site.execute("/livez", .get, [field: "1"]).status == .ok)
    }
    #expect(try await site.execute("/", isOldVersion: true).status == .forbidden)
    #expect(store.performed.withLock { $0.isEmpty })
}

private let keyText = String(repeating: "0123456789abcdef", count: 4)

private func keyed() throws -> Site {
    try Site {
        let code = Checksum(secret: [9])
        $0.key = ConsoleKeyText(keyText) { code.authenticationCode(for: $0) }
    }
}

private func ticket(until end: Int64) -> String {
    let code = Checksum(secret: [9])
    return ConsoleKeyText(keyText) { code.authenticationCode(for: $0) }.ticket(until: end)
}

/// As a plain `proxy_pass` shows it: Host is the address it leads to, the client is this machine, nothing else is said.
@Test func aConsoleThatFacesTheInternetShowsNothingWithoutItsKey() async throws {
    let site = try keyed()
    for page in ["/", "/feed", "/messages", "/queue", "/health", "/live", "/messages/x/original"] {
        let answer = try await site.execute(page)
        #expect(answer.status == .seeOther && answer.headers[.location] == "/login", "\(page)")
    }
    for path in ["/api/v1/messages", "/api/v1/queue", "/metrics", "/api/v1/openapi.json"] {
        #expect(try await site.execute(path).status == .unauthorized)
        #expect(try await site.execute(path, .get, [.authorization: "Bearer \(keyText)0"]).status == .unauthorized)
        #expect(try await site.execute(path, .get, [.authorization: "Bearer "]).status == .unauthorized)
        #expect(try await site.execute(path, .get, [.authorization: "Bearer \(keyText)"]).status == .ok)
    }
    #expect(try await site.execute("/api/v1/queue/Q1", .delete).status == .unauthorized)
    #expect(site.store.performed.withLock { $0.isEmpty })
    for path in ["/livez", "/readyz", "/robots.txt"] { #expect(try await site.execute(path).status == .ok) }
    #expect(try site.get("/c/\(try site.click("https://a.test/"))").hasPrefix("HTTP/1.1 302"))
    let login = try await site.execute("/login").body
    #expect(login.contains("tracerelay console") && !login.contains("<nav aria-label=\"Pages\"><ul>\n<li>"))
    let csrf = try #require(login.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
    #expect(try await site.execute("/login", .post, body: "csrf=\(csrf)&password=x").status == .forbidden)
    #expect(
        try await site.execute("/login", .post, body: "csrf=\(csrf)&password=+\(keyText)+").status == .seeOther)
}

@Test func aTicketOpensTheConsoleOnce() async throws {
    let site = try keyed()
    for bad in [
        "", "x", "2000.", "2000.0", ticket(until: 999), ticket(until: 1_000), ticket(until: 1_601),
        "1200" + ticket(until: 1_500).dropFirst(4),
    ] {
        let answer = try await site.execute("/login?ticket=\(bad)")
        #expect(answer.headers[.setCookie] == nil, "\(bad)")
    }
    let good = try await site.execute("/login?ticket=\(ticket(until: 1_500))")
    let cookie = try #require(good.headers[values: .setCookie].first { $0.hasPrefix("tracerelay_session=") })
    #expect(good.status == .seeOther && good.headers[.location] == "/")
    #expect(try await site.execute("/", .get, [.cookie: String(cookie.prefix { $0 != ";" })]).status == .ok)
    let again = try await site.execute("/login?ticket=\(ticket(until: 1_500))")
    #expect(again.status == .forbidden && again.headers[.setCookie] == nil)
}

private final class Clock: Sendable {
    let now = Mutex<Int64>(0)
    let slept = Mutex<[Int64]>([])
    func gate(_ patience: GuessGate.Patience = GuessGate.Patience()) -> GuessGate {
        GuessGate(patience, now: { self.now.withLock { $0 } }) { time in self.slept.withLock { $0.append(time) } }
    }
}

private func locked(_ clock: Clock) throws -> Site {
    try Site {
        $0.takesPassword = true
        $0.takesToken = true
        $0.clients = ForwardedClient(trustedProxies: ["10.0.0.1"].compactMap { IPNetwork($0) })
        $0.passwords = clock.gate()
        $0.tokens = clock.gate(GuessGate.Patience(free: .max))
        $0.verifyPassword = { $0 == "right" }
        $0.verifyToken = { $0 == "token" }
    }
}

private func logIn(
    _ site: Site, _ password: String, peer: String, forwardedFor: String = "", cookie: String = ""
) async throws -> Answer {
    let login = try await site.execute("/login").body
    let csrf = try #require(login.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
    var fields: HTTPFields = [:]
    if !forwardedFor.isEmpty { fields[.forwardedFor] = forwardedFor }
    if !cookie.isEmpty { fields[.cookie] = cookie }
    return try await site.execute("/login", .post, fields, body: "csrf=\(csrf)&password=\(password)", peer: peer)
}

/// A limit for all together would let anybody keep the owner out.
@Test func guessersAreSlowedAndTheOwnerGetsIn() async throws {
    let clock = Clock()
    let site = try locked(clock)
    for _ in 0..<5 { #expect(try await logIn(site, "wrong", peer: "192.0.2.1").status == .forbidden) }
    #expect(clock.slept.withLock { $0.isEmpty })
    // From there on each waits behind the one before, and then is told to come again.
    var statuses: [Int] = []
    for _ in 0..<15 { statuses.append(try await logIn(site, "wrong", peer: "192.0.2.1").status.code) }
    #expect(statuses == Array(repeating: 403, count: 10) + Array(repeating: 429, count: 5))
    #expect(clock.slept.withLock { $0 } == (1...10).map { 2_000 * $0 })
    // Elsewhere nothing of it is felt, nor behind the same proxy.
    #expect(try await logIn(site, "right", peer: "192.0.2.2").status == .seeOther)
    #expect(try await logIn(site, "right", peer: "10.0.0.1", forwardedFor: "203.0.113.5").status == .seeOther)
    #expect(clock.slept.withLock { $0.count } == 10)
    // At the guesser's own address the right one waits a little.
    clock.now.withLock { $0 = 2_500 }
    #expect(try await logIn(site, "right", peer: "192.0.2.1").status == .seeOther)
    #expect(clock.slept.withLock { $0.count } == 11)
    #expect(try await logIn(site, "right", peer: "192.0.2.1").status == .seeOther)
    #expect(clock.slept.withLock { $0.count } == 11)
}

@Test func aBrowserThatWasLetInIsNotSlowedByItsNeighbours() async throws {
    let clock = Clock()
    let site = try locked(clock)
    let first = try await logIn(site, "right", peer: "192.0.2.1")
    let device = try #require(first.headers[values: .setCookie].first { $0.hasPrefix("tracerelay_device=") })
    let cookie = String(device.prefix { $0 != ";" })
    for _ in 0..<30 { _ = try await logIn(site, "wrong", peer: "192.0.2.1") }
    let slept = clock.slept.withLock { $0.count }
    #expect(try await logIn(site, "right", peer: "192.0.2.1").status == .tooManyRequests)
    #expect(try await logIn(site, "right", peer: "192.0.2.1", cookie: cookie).status == .seeOther)
    #expect(clock.slept.withLock { $0.count } == slept)
    // A cookie that was made up is nobody's, or guessers would make one for each guess.
    let forged = "tracerelay_device=\(String(repeating: "0", count: 32)).\(String(repeating: "0", count: 32))"
    #expect(try await logIn(site, "right", peer: "192.0.2.1", cookie: forged).status == .tooManyRequests)
}

@Test func manyAtOnceAreSlowedAsOneAfterTheOther() async throws {
    let clock = Clock()
    let gate = clock.gate()
    let outcomes = await withTaskGroup(of: GuessGate.Outcome.self) { tasks in
        for _ in 0..<100 { tasks.addTask { await gate.check("a") { false } } }
        return await tasks.reduce(into: [GuessGate.Outcome]()) { $0.append($1) }
    }
    #expect(outcomes.count { $0 == .wrong } == 15 && outcomes.count { $0 == .tooMany } == 85)
}

/// Twenty guessers and one who knows the token: it is compared when its turn comes, and from then on at no cost.
@Test func theRightTokenIsAlwaysTaken() async throws {
    let comparisons = Mutex(0)
    let site = try Site {
        $0.takesToken = true
        $0.verifyToken = { token in
            comparisons.withLock { $0 += 1 }
            await Task.yield()
            return token == "token"
        }
    }
    func ask(_ token: String) async throws -> HTTPResponse.Status {
        try await site.execute("/metrics", .get, [.authorization: "Bearer \(token)"]).status
    }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        for guesser in 0..<20 {
            tasks.addTask {
                for turn in 0..<5 {
                    let status = try await ask("wrong\(guesser).\(turn)")
                    #expect(status == .unauthorized)
                }
            }
        }
        for _ in 0..<5 {
            tasks.addTask {
                let status = try await ask("token")
                #expect(status == .ok)
            }
        }
        try await tasks.waitForAll()
    }
    let before = comparisons.withLock { $0 }
    for _ in 0..<10 { #expect(try await ask("token") == .ok) }
    #expect(comparisons.withLock { $0 } == before)
    #expect(try await ask("tokens") == .unauthorized)
}

private final class Order: Sendable {
    let clients = Mutex<[String]>([])
    let answered = Mutex(0)
}

@Test func onlySoManyWaitAndTheCleanGoFirst() async throws {
    let order = Order()
    let gate = GuessGate(GuessGate.Patience(free: .max, waiting: 3))
    let (held, release) = AsyncStream<Void>.makeStream()
    async let first = gate.check("first") {
        for await _ in held { break }
        return false
    }
    @Sendable func ask(_ client: String) -> Task<GuessGate.Outcome, Never> {
        Task {
            let outcome = await gate.check(client) {
                order.clients.withLock { $0.append(client) }
                return false
            }
            order.answered.withLock { $0 += 1 }
            return outcome
        }
    }
    #expect(try await eventually { await gate.state.isComparing })
    var tasks: [Task<GuessGate.Outcome, Never>] = []
    for (number, client) in ["bad", "bad", "bad"].enumerated() {
        tasks.append(ask(client))
        #expect(try await eventually { await gate.state.waiting == number + 1 })
    }
    // The fourth has to wait outside where it guessed as much, and takes a guesser's place where it did not.
    #expect(await ask("bad").value == .tooMany)
    let clean = ask("clean")
    #expect(try await eventually { order.answered.withLock { $0 } == 2 })
    release.yield()
    #expect(await clean.value == .wrong)
    var outcomes: [GuessGate.Outcome] = []
    for task in tasks { outcomes.append(await task.value) }
    #expect(outcomes.count { $0 == .tooMany } == 1 && outcomes.count { $0 == .wrong } == 2)
    #expect(order.clients.withLock { $0 } == ["clean", "bad", "bad"])
    #expect(await first == .wrong)
}

@Test func whoLogsOutIsOut() async throws {
    let site = try Site {
        $0.takesPassword = true
        $0.verifyPassword = { $0 == "right" }
    }
    let cookies = try await logIn(site, "right", peer: "192.0.2.1").headers[values: .setCookie]
    let session = String(try #require(cookies.first { $0.hasPrefix("tracerelay_session=") }).prefix { $0 != ";" })
    let other = try await logIn(site, "right", peer: "192.0.2.1").headers[values: .setCookie]
        .first { $0.hasPrefix("tracerelay_session=") }?.prefix { $0 != ";" }
    let page = try await site.execute("/", .get, [.cookie: session])
    #expect(page.status == .ok)
    let csrf = try #require(page.body.firstMatch(of: /name="csrf" value="([0-9a-f]+)"/)?.1)
    #expect(try await site.execute("/logout", .post, [.cookie: session], body: "csrf=wrong").status == .forbidden)
    #expect(try await site.execute("/", .get, [.cookie: session]).status == .ok)
    #expect(try await site.execute("/logout", .post, [.cookie: session], body: "csrf=\(csrf)").status == .seeOther)
    // The cookie alone is worth nothing now; other sessions go on.
    #expect(try await site.execute("/", .get, [.cookie: session]).status == .seeOther)
    #expect(try await site.execute("/api/v1/tags", .get, [.cookie: session]).status == .unauthorized)
    #expect(try await site.execute("/", .get, [.cookie: String(other ?? "")]).status == .ok)
}

@Test func sessionsAreBounded() {
    let sessions = Sessions()
    let first = sessions.begin(now: 0)
    for time in 1...Sessions.maximum { _ = sessions.begin(now: Int64(time)) }
    #expect(!sessions.isAlive(first, now: 1))
    let last = sessions.begin(now: 2_000)
    #expect(
        sessions.isAlive(last, now: 2_000 + Sessions.time - 1) && !sessions.isAlive(last, now: 2_000 + Sessions.time))
}

@Test func fieldNamesAreWhatTheySay() {
    #expect(HTTPField.Name.ofProxies.count == Set(HTTPField.Name.ofProxies).count)
    let names: [HTTPField.Name] = [
        .robotsTag, .referrerPolicy, .forwardedProto, .forwardedFor, .fetchSite, .frameOptions, .lastEventID,
    ]
    #expect(
        names.map(\.rawName) == [
            "X-Robots-Tag", "Referrer-Policy", "X-Forwarded-Proto", "X-Forwarded-For", "Sec-Fetch-Site",
            "X-Frame-Options", "Last-Event-ID",
        ])
}
