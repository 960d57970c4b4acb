import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Who may see the console: with a password, a token or a key whoever knows it; without, who is at this machine.
public struct ConsoleAccess: Sendable {
    static let cookie = "tracerelay_session"
    /// Tells a browser that was let in before, so that guesses of its neighbours do not slow it down.
    static let deviceCookie = "tracerelay_device"
    /// Seconds that a browser is known.
    static let deviceTime: Int64 = 180 * 86_400
    /// Seconds that a ticket of `tracerelay console` is good for.
    public static let ticketTime: Int64 = 600
    /// Of every page (CSP Level 3).
    static let contentSecurityPolicy =
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

    /// Whether a password is asked for.
    public var takesPassword = false
    /// Whether a token is taken.
    public var takesToken = false
    /// The key that opens everything, where neither password nor token does.
    public var key: ConsoleKeyText?
    /// Compares a password, which takes its time.
    public var verifyPassword: @Sendable (String) async -> Bool = { _ in false }
    /// Compares a token, which takes its time.
    public var verifyToken: @Sendable (String) async -> Bool = { _ in false }
    /// A code only this process can make; for cookies and forms.
    public var authenticate: @Sendable ([UInt8]) -> [UInt8]
    /// Seconds since 1970.
    public var now: @Sendable () -> Int64
    /// Whose requests they are.
    public var clients = ForwardedClient(trustedProxies: [])

    let sessions = Sessions()
    var passwords = GuessGate()
    /// Tokens are no words that can be guessed: who has the right one only waits for its turn.
    var tokens = GuessGate(GuessGate.Patience(free: .max))
    private let rightToken = Remembered()

    /// Open access.
    public init(authenticate: @escaping @Sendable ([UInt8]) -> [UInt8], now: @escaping @Sendable () -> Int64) {
        self.authenticate = authenticate
        self.now = now
    }

    /// Whether anything is asked for.
    public var isRequired: Bool { takesPassword || takesToken || key != nil }

    /// What a program is told.
    var askingSentence: String {
        key == nil
            ? "log in, or give the token: Authorization: Bearer TOKEN"
            : "log in, or give the key that `tracerelay console` prints: Authorization: Bearer KEY"
    }

    /// Whether a person can log in.
    var takesLogin: Bool { takesPassword || key != nil }

    // MARK: Sessions

    /// The session's cookie, where it is one of ours and not over.
    func session(_ request: Request) -> String? {
        cookies(request, Self.cookie).first { sessions.isAlive($0, now: now()) }
    }

    private func cookies(_ request: Request, _ name: String) -> [String] {
        let prefix = name + "="
        let cookies = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }.map { $0.trimmingBlanks() }
        return cookies.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    /// A cookie's value for a browser that was let in.
    func newDevice() -> String {
        let name = Hexadecimal.random()
        return "\(name).\(code("device \(name)"))"
    }

    /// What stands for whoever asks, where guesses are counted.
    func guesser(_ request: Request, peer: String) -> String {
        for value in cookies(request, Self.deviceCookie) {
            let halves = value.split(separator: ".")
            guard halves.count == 2, halves[0].utf8.count == 32,
                Self.isEqual(String(halves[1]), code("device \(halves[0])"))
            else { continue }
            return "device \(halves[0])"
        }
        return ClientKey.make(client(request, peer: peer))
    }

    private func client(_ request: Request, peer: String) -> String {
        let hops = request.headers[values: .forwardedFor].joined(separator: ",")
        return clients.address(hops, peer: peer)
    }

    /// What a form must bring along.
    func formToken(_ request: Request) -> String { code("form \(session(request) ?? "")") }

    func isGoodForm(_ token: String, _ request: Request) -> Bool { Self.isEqual(token, formToken(request)) }

    private func code(_ text: String) -> String { Hexadecimal.text(authenticate(Array(text.utf8)).prefix(16)) }

    static func isEqual(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// Whether a ticket is good, which it is once.
    func takes(ticket: String) -> Bool {
        let halves = ticket.split(separator: ".")
        guard let key, halves.count == 2, let end = Int64(halves[0]), end > now(), end <= now() + Self.ticketTime,
            Self.isEqual(ticket, key.ticket(until: end))
        else { return false }
        return sessions.use(ticket: ticket, end: end, now: now())
    }

    // MARK: Secrets

    /// Password or key of the login page.
    func checkLogin(_ secret: String, _ request: Request, peer: String) async -> GuessGate.Outcome {
        // The key is too long for anybody to guess, and compared at once.
        if let key { return Self.isEqual(key.text, secret) ? .right : .wrong }
        return await passwords.check(guesser(request, peer: peer)) { await verifyPassword(secret) }
    }

    private func checkBearer(_ secret: String, _ request: Request, peer: String) async -> GuessGate.Outcome {
        if let key { return Self.isEqual(key.text, secret) ? .right : .wrong }
        guard takesToken else { return .wrong }
        // The hash is slow on purpose; a token that was right once is known by a quick code of this process.
        let code = code("token \(secret)")
        if rightToken.is(code) { return .right }
        let outcome = await tokens.check(ClientKey.make(client(request, peer: peer))) { await verifyToken(secret) }
        if case .right = outcome { rightToken.keep(code) }
        return outcome
    }

    // MARK: Requests

    enum Verdict { case granted, login, tooMany, refused(String) }

    func check(_ request: Request, peer: String, isOldVersion: Bool) async -> Verdict {
        if isRequired {
            if session(request) != nil { return sameSite(request) }
            guard let given = request.headers[.authorization], given.lowercased().hasPrefix("bearer ") else {
                return .login
            }
            switch await checkBearer(String(given.dropFirst(7)), request, peer: peer) {
            case .right: return .granted
            case .wrong: return .login
            case .tooMany: return .tooMany
            }
        }
        // Without a login a page of another name must not be this one: a name that resolves to loopback is a trick.
        guard Self.isLocal(request.head.authority ?? "") else {
            return .refused("This console is open on this machine only; call it localhost or 127.0.0.1.")
        }
        // Nor must a proxy lend it to the Internet: whatever one says of itself gives it away.
        if isOldVersion || HTTPField.Name.ofProxies.contains(where: { request.headers[$0] != nil }) {
            return .refused(
                "This request came through a proxy, and this console asks for no password. Let the proxy lead to "
                    + "[web] tracking-address, which serves pixel and links alone; or set password-hash or token-hash.")
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

/// One secret that was right.
private final class Remembered: Sendable {
    private let code = Mutex("")

    func `is`(_ other: String) -> Bool { code.withLock { !$0.isEmpty && ConsoleAccess.isEqual($0, other) } }
    func keep(_ other: String) { code.withLock { $0 = other } }
}
