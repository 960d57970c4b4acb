import HTTPTypes
import Hummingbird
import NIOCore
import TrackingEvents

/// The pages for people.
public struct Console: Sendable {
    let services: ConsoleServices
    let access: ConsoleAccess
    private let templates: Templates

    /// A console.
    /// - Throws: where a template cannot be read, which a test shows.
    public init(services: ConsoleServices, access: ConsoleAccess) throws {
        self.services = services
        self.access = access
        templates = try Templates()
    }

    func addRoutes(open: Router<WebContext>, guarded: RouterGroup<WebContext>) {
        addAssets(open)
        LoginPage(console: self).addRoutes(open.group().add(middleware: PageHeaders()))
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
        if access.takesLogin, access.session(request) != nil { values["login"] = true }
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

    // MARK: Assets

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
