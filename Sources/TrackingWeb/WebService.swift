import HTTPTypes
import Hummingbird
public import Logging
import NIOCore
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
    /// Host or address.
    public let host: String
    /// Port; 0 lets the system choose.
    public let port: Int
    /// Whether only pixel and redirect are served: it faces the Internet.
    public let isTrackingOnly: Bool

    /// A listener.
    public init(host: String, port: Int, isTrackingOnly: Bool) {
        self.host = host
        self.port = port
        self.isTrackingOnly = isTrackingOnly
    }
}

/// Pixel, redirect and health over HTTP.
public struct WebService: Service {
    private let listener: WebListener
    private let responder: HitResponder
    private let prefixes: Set<String>
    private let readiness: @Sendable () async -> Readiness
    private let logger: Logger
    private let whenBound: @Sendable (Int) async -> Void

    /// A service.
    /// - Parameters:
    ///   - prefixes: paths of the base URLs, in front of `/o/` and `/c/`; the root is always served.
    ///   - whenBound: called with the port once it listens.
    public init(
        listener: WebListener, responder: HitResponder, prefixes: Set<String>,
        readiness: @escaping @Sendable () async -> Readiness, logger: Logger,
        whenBound: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.listener = listener
        self.responder = responder
        self.prefixes = prefixes.union([""])
        self.readiness = readiness
        self.logger = logger
        self.whenBound = whenBound
    }

    /// Serves until graceful shutdown.
    /// - Throws: where the address cannot be bound.
    public func run() async throws {
        let whenBound = whenBound
        let app = Application(
            router: router(),
            // Whoever holds a connection without asking anything holds a descriptor.
            server: .http1(configuration: .init(idleTimeout: .seconds(30))),
            configuration: .init(address: .hostname(listener.host, port: listener.port), serverName: nil),
            onServerRunning: { await whenBound($0.localAddress?.port ?? 0) }, logger: logger)
        try await app.run()
    }

    /// Everything that is served; the console's routes will join here.
    func router() -> Router<WebContext> {
        let router = Router(context: WebContext.self)
        router.add(middleware: NeutralNotFound())
        let responder = responder
        for prefix in prefixes {
            for method in [HTTPRequest.Method.get, .head] {
                router.on("\(prefix)/o/{name}", method: method) { request, context in
                    responder.pixel(context.parameters.get("name").map { $0[...] } ?? "", request, from: context.peer)
                }
                router.on("\(prefix)/c/{token}", method: method) { request, context in
                    responder.redirect(
                        context.parameters.get("token").map { $0[...] } ?? "", request, from: context.peer)
                }
            }
        }
        router.get("/robots.txt") { _, _ in "User-agent: *\nDisallow: /\n" }
        guard !listener.isTrackingOnly else { return router }
        router.get("/livez") { _, _ in "ok\n" }
        let readiness = readiness
        router.get("/readyz") { _, _ in
            let verdict = await readiness()
            return Response(
                status: verdict.isReady ? .ok : .serviceUnavailable,
                headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: verdict.text + "\n")))
        }
        return router
    }
}

/// A request with its peer's address.
struct WebContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let peer: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? ""
    }
}

/// The neutral page for every path that is not there.
struct NeutralNotFound: RouterMiddleware {
    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return HitResponder.neutral(request)
        }
    }
}
