import HTTPTypes
import Hummingbird

/// Where people show their password, or the key.
struct LoginPage {
    let console: Console
    private var access: ConsoleAccess { console.access }

    init(console: Console) { self.console = console }

    func addRoutes(_ router: RouterGroup<WebContext>) {
        guard access.takesLogin else { return }
        router.get("/login") { request, _ in
            guard let ticket = Query(request)["ticket"] else { return page(request) }
            guard access.takes(ticket: ticket) else {
                return page(
                    request, problem: "This address was used, or is too old; tracerelay console prints a new one.")
            }
            return enter(request)
        }
        router.post("/login") { request, context in try await logIn(request, peer: context.peer) }
        router.post("/logout") { request, _ in
            let form = try await Form(request)
            guard access.isGoodForm(form["csrf"], request) else { return console.formExpired(request) }
            if let session = access.session(request) { access.sessions.end(session) }
            return redirect(to: "/login", request, cookies: [(ConsoleAccess.cookie, "", 0)])
        }
    }

    private func page(_ request: Request, problem: String? = nil, status: HTTPResponse.Status = .forbidden) -> Response
    {
        var values: [String: Any] = ["secret": access.key == nil ? "Password" : "Key"]
        if access.key != nil { values["isKey"] = true }
        if let problem { values["problem"] = problem }
        return console.render("login", request, title: "Log in", values, status: problem == nil ? .ok : status)
    }

    private func logIn(_ request: Request, peer: String) async throws -> Response {
        let form = try await Form(request)
        guard access.isGoodForm(form["csrf"], request) else { return console.formExpired(request) }
        switch await access.checkLogin(form["password"].trimmed(if: access.key != nil), request, peer: peer) {
        case .right: return enter(request)
        case .wrong: return page(request, problem: "That is not the \(access.key == nil ? "password" : "key").")
        case .tooMany:
            var response = page(
                request, problem: "Too many wrong passwords come from your address; wait a minute.",
                status: .tooManyRequests)
            response.headers[.retryAfter] = "60"
            return response
        }
    }

    private func enter(_ request: Request) -> Response {
        redirect(
            to: "/", request,
            cookies: [
                (ConsoleAccess.cookie, access.sessions.begin(now: access.now()), Sessions.time),
                (ConsoleAccess.deviceCookie, access.newDevice(), ConsoleAccess.deviceTime),
            ])
    }

    private func redirect(
        to path: String, _ request: Request, cookies: [(name: String, value: String, age: Int64)]
    ) -> Response {
        var response = Response(status: .seeOther, headers: [.location: path])
        let end = request.headers[.forwardedProto] == "https" ? "; Secure" : ""
        for cookie in cookies {
            let text = "\(cookie.name)=\(cookie.value); Path=/; HttpOnly; SameSite=Strict; Max-Age=\(cookie.age)"
            response.headers.append(HTTPField(name: .setCookie, value: text + end))
        }
        return response
    }
}

extension String {
    /// A key that was copied brings blanks along; in a password they count.
    fileprivate func trimmed(if isMeant: Bool) -> String {
        isMeant ? self[...].trimmingBlanks() : self
    }
}
