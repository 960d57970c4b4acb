import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle

/// Whether the service can do its work now.
public struct Readiness: Sendable {
    /// Can commit mail.
    public let isReady: Bool
    /// What it cannot do, or `ok`.
    public let text: String

    /// A verdict.
    public init(isReady: Bool, text: String) {
        self.isReady = isReady
        self.text = text
    }
}

/// One web listener.
public struct WebListener: Sendable {
    /// What it serves besides pixel and redirect.
    public enum Scope: Sendable {
        /// Nothing: it faces the Internet.
        case tracking
        /// `/livez`, `/readyz` and `/metrics`.
        case health
        /// Health, console and API.
        case console
    }

    /// Host or address.
    public let host: String
    /// Port; 0 lets the system choose.
    public let port: Int
    /// What is served.
    public let scope: Scope

    /// A listener.
    public init(host: String, port: Int, scope: Scope) {
        self.host = host
        self.port = port
        self.scope = scope
    }
}

/// What the web listeners share.
public struct WebParts: Sendable {
    /// Answers hits.
    public var responder: HitResponder
    /// Where pixel and links are.
    public var prefixes: @Sendable () -> HitPrefixes
    /// Whether mail can be committed.
    public var readiness: @Sendable () async -> Readiness
    /// Text of `/metrics`.
    public var metrics: @Sendable () async -> String
    /// Who may see the console.
    public var access: ConsoleAccess
    /// Pages and API; `nil` where there is no database.
    public var console: Console?
    /// Takes what goes wrong.
    public var logger: Logger
    /// The connections of all listeners.
    public var connections: WebConnections

    /// Parts without a console.
    public init(
        responder: HitResponder, prefixes: @escaping @Sendable () -> HitPrefixes,
        readiness: @escaping @Sendable () async -> Readiness,
        metrics: @escaping @Sendable () async -> String, access: ConsoleAccess, logger: Logger
    ) {
        self.responder = responder
        self.prefixes = prefixes
        self.readiness = readiness
        self.metrics = metrics
        self.access = access
        self.logger = logger
        connections = WebConnections(clients: responder.clients)
    }
}

/// Pixel, redirect, health, console and API over HTTP.
public struct WebService: Service {
    private let listener: WebListener
    private let parts: WebParts
    private let whenBound: @Sendable (Int) async -> Void

    /// A service.
    /// - Parameter whenBound: called with the port once it listens.
    public init(
        listener: WebListener, parts: WebParts, whenBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.listener = listener
        self.parts = parts
        self.whenBound = whenBound
    }

    /// Serves until graceful shutdown.
    /// - Throws: ``WebServerError`` where the address cannot be bound.
    public func run() async throws {
        let listening = try await listen()
        await whenBound(listening.port)
        try? await gracefulShutdown()
        await listening.close()
    }

    func server() -> WebServer {
        WebServer(
            listener: listener, hits: parts.responder, prefixes: parts.prefixes, router: router().buildResponder(),
            logger: parts.logger, connections: parts.connections)
    }

    /// Everything but pixel and redirect.
    func router() -> Router<WebContext> {
        let router = Router(context: WebContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: NeutralNotFound(access: listener.scope == .console ? parts.access : nil))
        router.get("/robots.txt") { _, _ in "User-agent: *\nDisallow: /\n" }
        guard listener.scope != .tracking else { return router }
        router.get("/livez") { _, _ in "ok\n" }
        let readiness = parts.readiness
        router.get("/readyz") { _, _ in
            let verdict = await readiness()
            return Response.text(verdict.text + "\n", status: verdict.isReady ? .ok : .serviceUnavailable)
        }
        let guarded = router.group().add(middleware: AccessCheck(access: parts.access))
        let metrics = parts.metrics
        guarded.get("/metrics") { _, _ in
            var response = Response.text(await metrics())
            response.headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
            return response
        }
        if listener.scope == .console, let console = parts.console {
            console.addRoutes(open: router, guarded: guarded)
            ConsoleAPI(services: console.services).addRoutes(to: guarded)
        }
        return router
    }
}

extension Response {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store, private"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// A request with its peer's address.
struct WebContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    var peer: String
    /// Whether it is of HTTP/1.0, which proxies speak and programs for people do not.
    var isOldVersion = false

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? ""
    }
}

/// The neutral page for every path that is not there.
struct NeutralNotFound: RouterMiddleware {
    /// Who may see the API; `nil` where there is none.
    let access: ConsoleAccess?

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let path = request.uri.path
            if let access, path == "/api" || path.hasPrefix("/api/") {
                // Who may not see the API learns nothing of it.
                return try await AccessCheck(access: access).handle(request, context: context) { request, _ in
                    ConsoleAPI.refusal(request)
                }
            }
            var response = Response(
                status: .notFound,
                headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store, private"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: HitResponder.notFound)))
            response.headers[HTTPField.Name.robotsTag] = "noindex"
            return response
        } catch let error as HTTPError {
            return Response.text((error.body ?? error.status.reasonPhrase) + "\n", status: error.status)
        }
    }
}
