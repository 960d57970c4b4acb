import HTTPTypes
import Hummingbird

/// Lets through who may see the console; a browser is shown the way to log in.
struct AccessCheck: RouterMiddleware {
    let access: ConsoleAccess

    func handle(
        _ request: Request, context: WebContext, next: (Request, WebContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        let isForPeople = !request.uri.path.hasPrefix("/api/") && request.uri.path != "/metrics"
        switch await access.check(request, peer: context.peer, isOldVersion: context.isOldVersion) {
        case .granted: response = try await next(request, context)
        case .login where isForPeople && access.takesLogin:
            response = Response(status: .seeOther, headers: [.location: "/login"])
        case .login:
            response = APIError.response(.unauthorized, access.askingSentence)
        case .tooMany:
            response = APIError.response(.tooManyRequests, "too many wrong secrets are being compared; come again")
            response.headers[.retryAfter] = "5"
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
