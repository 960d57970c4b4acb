import HTTPTypes
import Hummingbird
import NIOCore

/// Who may see the console: everybody who can reach it on loopback, else whoever knows the password or the token.
public struct ConsoleAccess: Sendable {
    /// A session ends after so many seconds.
    static let sessionTime: Int64 = 12 * 3_600
    static let cookie = "tracerelay_session"
    /// Of every page (CSP Level 3).
    static let contentSecurityPolicy =
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

    /// Whether a password is asked for.
    public var takesPassword = false
    /// Whether a token is taken.
    public var takesToken = false
    /// Compares a password, which takes its time.
    public var verifyPassword: @Sendable (String) async -> Bool = { _ in false }
    /// Compares a token.
    public var verifyToken: @Sendable (String) async -> Bool = { _ in false }
    /// A code only this process can make; for cookies and forms.
    public var authenticate: @Sendable ([UInt8]) -> [UInt8]
    /// Seconds since 1970.
    public var now: @Sendable () -> Int64

    /// Open access.
    public init(authenticate: @escaping @Sendable ([UInt8]) -> [UInt8], now: @escaping @Sendable () -> Int64) {
        self.authenticate = authenticate
        self.now = now
    }

    /// Whether anything is asked for.
    public var isRequired: Bool { takesPassword || takesToken }

    // MARK: Sessions

    func newSession() -> String {
        let text = "\(now() + Self.sessionTime)"
        return "\(text).\(code("session \(text)"))"
    }

    /// The session's cookie, where it is one of ours and not over.
    func session(_ request: Request) -> String? {
        let prefix = Self.cookie + "="
        let cookies = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }
        for cookie in cookies {
            let cookie = cookie.trimmingBlanks()
            guard cookie.hasPrefix(prefix) else { continue }
            let value = cookie.dropFirst(prefix.count)
            let halves = value.split(separator: ".")
            guard halves.count == 2, let end = Int64(halves[0]), end > now(),
                Self.isEqual(String(halves[1]), code("session \(halves[0])"))
            else { continue }
            return String(value)
        }
        return nil
    }

    /// What a form must bring along.
    func formToken(_ request: Request) -> String { code("form \(session(request) ?? "")") }

    func isGoodForm(_ token: String, _ request: Request) -> Bool { Self.isEqual(token, formToken(request)) }

    private func code(_ text: String) -> String {
        authenticate(Array(text.utf8)).prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func isEqual(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    // MARK: Requests

    enum Verdict { case granted, login, refused(String) }

    func check(_ request: Request) async -> Verdict {
        if isRequired {
            if session(request) != nil { return sameSite(request) }
            guard takesToken, let given = request.headers[.authorization], given.lowercased().hasPrefix("bearer ")
            else {
                return .login
            }
            return await verifyToken(String(given.dropFirst(7))) ? .granted : .login
        }
        // Without a login a page of another name must not be this one: a name that resolves to loopback is a trick.
        guard Self.isLocal(request.head.authority ?? "") else {
            return .refused("This console is open on this machine only; call it localhost or 127.0.0.1.")
        }
        return sameSite(request)
    }

    /// What changes something must come from our own pages, as far as a browser tells.
    private func sameSite(_ request: Request) -> Verdict {
        guard request.method != .get, request.method != .head else { return .granted }
        if let site = request.headers[HTTPField.Name.fetchSite], site != "same-origin", site != "none" {
            return .refused("This request came from another site.")
        }
        if let origin = request.headers[.origin] {
            let host = origin.split(separator: "/").last.map(String.init) ?? ""
            guard host.lowercased() == (request.head.authority ?? "").lowercased() else {
                return .refused("This request came from another site.")
            }
        }
        return .granted
    }

    private static func isLocal(_ authority: String) -> Bool {
        let isBracketed = authority.hasPrefix("[")
        let host = isBracketed ? authority.prefix { $0 != "]" }.dropFirst() : authority.prefix { $0 != ":" }
        let name = host.lowercased()
        return name == "localhost" || name == "::1"
            || name.hasPrefix("127.") && name.allSatisfy { $0 == "." || $0.isNumber }
    }
}

/// Lets through who may see the console; a browser is shown the way to log in.
struct AccessCheck: RouterMiddleware {
    let access: ConsoleAccess

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        let isForPeople = !request.uri.path.hasPrefix("/api/") && request.uri.path != "/metrics"
        switch await access.check(request) {
        case .granted: response = try await next(request, context)
        case .login where isForPeople && access.takesPassword:
            response = Response(status: .seeOther, headers: [.location: "/login"])
        case .login:
            response = APIError.response(.unauthorized, "log in, or give the token: Authorization: Bearer TOKEN")
        case .refused(let sentence) where isForPeople: response = Response.text(sentence + "\n", status: .forbidden)
        case .refused(let sentence): response = APIError.response(.forbidden, sentence)
        }
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = ConsoleAccess.contentSecurityPolicy
        }
        // Only the mail's own view may stand in a frame.
        if !request.uri.path.contains("/html/") { response.headers[HTTPField.Name.frameOptions] = "DENY" }
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[HTTPField.Name.referrerPolicy] = "same-origin"
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store, private" }
        if response.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

enum APIError {
    static func response(_ status: HTTPResponse.Status, _ sentence: String) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: "{\"error\":\(JSONText.quoted(sentence))}\n")))
    }
}

enum JSONText {
    /// A string of JSON (RFC 8259 §7); safe in a line of an event stream, too.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
