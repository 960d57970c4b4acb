import HTTPTypes
import Hummingbird
import NIOCore
import TrackingEvents

/// The pages for people.
public struct Console: Sendable {
    let services: ConsoleServices
    let access: ConsoleAccess
    private let templates: Templates
    private let logins = LoginLimit()

    /// A console.
    /// - Throws: where a template cannot be read, which a test shows.
    public init(services: ConsoleServices, access: ConsoleAccess) throws {
        self.services = services
        self.access = access
        templates = try Templates()
    }

    func addRoutes(open: Router<WebContext>, guarded: RouterGroup<WebContext>) {
        addAssets(open)
        addLogin(open.group().add(middleware: PageHeaders()))
        page(guarded, "/") { try await Overview(console: self).page($0) }
        page(guarded, "/feed") { try await FeedPage(console: self).page($0) }
        page(guarded, "/tags/{tag}") { try await TagPage(console: self).page($0, $1.parameters.get("tag") ?? "") }
        page(guarded, "/messages") { try await MailPages(console: self).list($0) }
        page(guarded, "/messages/{id}") { try await MailPages(console: self).mail($0, $1.parameters.get("id") ?? "") }
        page(guarded, "/messages/{id}/original") {
            try await MailPages(console: self).text($1.parameters.get("id") ?? "", isSent: false)
        }
        page(guarded, "/messages/{id}/sent") {
            try await MailPages(console: self).text($1.parameters.get("id") ?? "", isSent: true)
        }
        page(guarded, "/messages/{id}/html/{which}") {
            try await MailPages(console: self).html(
                $1.parameters.get("id") ?? "", isSent: $1.parameters.get("which") == "sent")
        }
        page(guarded, "/queue") { try await QueuePage(console: self).page($0) }
        page(guarded, "/health") { try await HealthPage(console: self).page($0) }
        guarded.get("/live") { request, _ in try await LiveFeed(console: self).response(request) }
        guarded.post("/queue/{id}/{action}") { request, context in
            try await QueuePage(console: self).act(
                request, context.parameters.get("id") ?? "", context.parameters.get("action") ?? "")
        }
    }

    private func page(
        _ group: RouterGroup<WebContext>, _ path: RouterPath,
        _ body: @escaping @Sendable (Request) async throws -> Response
    ) {
        page(group, path) { request, _ in try await body(request) }
    }

    /// A page that says what is wrong where the store cannot be read.
    private func page(
        _ group: RouterGroup<WebContext>, _ path: RouterPath,
        _ body: @escaping @Sendable (Request, WebContext) async throws -> Response
    ) {
        group.get(path) { request, context in
            do {
                return try await body(request, context)
            } catch let error as HTTPError {
                throw error
            } catch {
                return problem(request, "Not available now", "\(error)", status: .serviceUnavailable)
            }
        }
    }

    // MARK: Rendering

    /// A page with navigation.
    /// - Parameter current: its place in the navigation.
    func render(
        _ template: String, _ request: Request, title: String, current: String = "", _ values: [String: Any],
        status: HTTPResponse.Status = .ok
    ) -> Response {
        var values = values
        values["title"] = title
        values["hostname"] = services.hostname
        values["now"] = LocalTime.string(services.now())
        values["csrf"] = access.formToken(request)
        if access.takesPassword, access.session(request) != nil { values["login"] = true }
        values["pages"] =
            access.isRequired && access.session(request) == nil
            ? []
            : [
                ("/", "Overview"), ("/feed", "Events"), ("/messages", "Mails"), ("/queue", "Queue"),
                ("/health", "Health"),
            ].map { ["href": $0.0, "name": $0.1, "isCurrent": $0.0 == current] as [String: Any] }
        return Response(
            status: status, headers: [.contentType: "text/html; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: templates.render(template, values))))
    }

    func problem(_ request: Request, _ title: String, _ sentence: String, status: HTTPResponse.Status) -> Response {
        render("error", request, title: title, ["sentence": sentence], status: status)
    }

    // MARK: Assets and login

    private func addAssets(_ router: Router<WebContext>) {
        for (name, type, octets) in [
            ("console.css", "text/css; charset=utf-8", PackageResources.console_css),
            ("console.js", "text/javascript; charset=utf-8", PackageResources.console_js),
            ("icon.svg", "image/svg+xml", PackageResources.icon_svg),
        ] {
            let body = ByteBuffer(bytes: octets)
            router.get("/assets/\(name)") { _, _ in
                Response(
                    status: .ok,
                    headers: [
                        .contentType: type, .cacheControl: "no-cache", .xContentTypeOptions: "nosniff",
                    ], body: ResponseBody(byteBuffer: body))
            }
        }
    }

    private func addLogin(_ router: RouterGroup<WebContext>) {
        guard access.takesPassword else { return }
        router.get("/login") { request, _ in loginPage(request) }
        router.post("/login") { request, _ in try await logIn(request) }
        router.post("/logout") { request, _ in
            let form = try await Form(request)
            guard access.isGoodForm(form["csrf"], request) else { return formExpired(request) }
            return redirect(to: "/login", cookie: "", age: 0, request)
        }
    }

    private func loginPage(_ request: Request, problem: String? = nil) -> Response {
        var values: [String: Any] = [:]
        if let problem { values["problem"] = problem }
        return render("login", request, title: "Log in", values, status: problem == nil ? .ok : .forbidden)
    }

    private func logIn(_ request: Request) async throws -> Response {
        let form = try await Form(request)
        guard access.isGoodForm(form["csrf"], request) else { return formExpired(request) }
        guard await logins.enter(now: access.now()) else {
            return loginPage(request, problem: "Too many wrong passwords; wait a minute.")
        }
        guard await access.verifyPassword(form["password"]) else {
            await logins.failed(now: access.now())
            return loginPage(request, problem: "That is not the password.")
        }
        return redirect(to: "/", cookie: access.newSession(), age: ConsoleAccess.sessionTime, request)
    }

    private func redirect(to path: String, cookie: String, age: Int64, _ request: Request) -> Response {
        let isSecure = request.headers[HTTPField.Name.forwardedProto] == "https"
        let text =
            "\(ConsoleAccess.cookie)=\(cookie); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(age)"
            + (isSecure ? "; Secure" : "")
        return Response(status: .seeOther, headers: [.location: path, .setCookie: text])
    }

    func formExpired(_ request: Request) -> Response {
        problem(
            request, "The form is too old", "Go back, load the page anew and try again.", status: .forbidden)
    }
}

/// The headers of pages that need no login.
private struct PageHeaders: RouterMiddleware {
    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        response.headers[.contentSecurityPolicy] = ConsoleAccess.contentSecurityPolicy
        response.headers[HTTPField.Name.frameOptions] = "DENY"
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.cacheControl] = "no-store, private"
        return response
    }
}

/// Ten wrong passwords a minute, for all together.
private actor LoginLimit {
    private var failures: [Int64] = []

    func enter(now: Int64) -> Bool {
        failures.removeAll { $0 < now - 60 }
        return failures.count < 10
    }

    func failed(now: Int64) { failures.append(now) }
}

/// Fields of `application/x-www-form-urlencoded`.
struct Form {
    private var fields: [String: String] = [:]

    init(_ request: Request) async throws {
        let body = try await request.body.collect(upTo: WebLimits.bodyOctets)
        fields = Self.parse(String(buffer: body))
    }

    subscript(_ name: String) -> String { fields[name] ?? "" }

    static func parse(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&").prefix(100) {
            let halves = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[decode(halves[0])] = halves.count == 2 ? decode(halves[1]) : ""
        }
        return fields
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
                continue
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The query of a page.
struct Query {
    private let request: Request

    init(_ request: Request) { self.request = request }

    /// A value that is not empty and not too long.
    subscript(_ name: String) -> String? {
        guard let value = request.uri.queryParameters[Substring(name)], !value.isEmpty, value.utf8.count <= 1_000 else {
            return nil
        }
        return String(value)
    }

    /// The tag that is asked for; `-` stands for mail without one.
    var tag: String? { self["tag"].map { $0 == "-" ? "" : $0 } }

    static func encode(_ text: String) -> String {
        var result = ""
        let digits = Array("0123456789ABCDEF")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                result.unicodeScalars.append(UnicodeScalar(byte))
            default: result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return result
    }
}

/// Days that a page shows, both included.
struct DaySpan {
    let from: Int64
    let to: Int64

    /// The days of a query; today and the `days` before it where it names none.
    init(_ query: Query, now: Int64, days: Int) {
        let today = LocalTime.day(of: now)
        let to = query["to"].flatMap { LocalTime.day($0) } ?? today
        let from = query["from"].flatMap { LocalTime.day($0) } ?? LocalTime.day(to, plus: 1 - days)
        self.to = max(from, to)
        // Two years and a bit: enough for a chart, and bounded.
        self.from = max(from, LocalTime.day(self.to, plus: -800))
    }

    /// All days of the span.
    var days: [Int64] {
        var days: [Int64] = []
        var day = from
        while day <= to {
            days.append(day)
            day = LocalTime.day(day, plus: 1)
        }
        return days
    }

    var start: Int64 { LocalTime.start(of: from) }
    var end: Int64 { LocalTime.start(of: LocalTime.day(to, plus: 1)) }
}
