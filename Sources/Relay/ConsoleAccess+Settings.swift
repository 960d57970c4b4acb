import Dispatch
import OpenSSLBridge
import RelayConfiguration
import Tracking
import TrackingWeb

extension ConsoleAccess {
    /// Access as `[web]` says.
    /// - Throws: ``StartFailure`` where there is no key; an error where there is no randomness.
    init(_ web: WebSettings, directory: String) throws {
        let secret = try HMACSHA256Key(try RandomBytes.make(32))
        self.init(authenticate: { secret.authenticationCode(for: $0) }, now: { SystemClock.now() / 1_000 })
        clients = ForwardedClient(trustedProxies: web.trustedProxies)
        switch web.entry {
        case .open: break
        case .key:
            do {
                key = try ConsoleKey.loadOrMake(directory)
            } catch {
                throw StartFailure("\(error)", exitCode: 73)
            }
        case .secrets:
            if let hash = web.passwordHash {
                takesPassword = true
                verifyPassword = Self.comparing(hash, "tracerelay.console.password")
            }
            if let hash = web.tokenHash {
                takesToken = true
                verifyToken = Self.comparing(hash, "tracerelay.console.token")
            }
        }
    }

    /// The hash is slow on purpose: a thread of its own, whose turns the console gives out.
    private static func comparing(_ hash: String, _ label: String) -> @Sendable (String) async -> Bool {
        let queue = DispatchQueue(label: label)
        return { secret in
            await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: PasswordHash.verify(Array(secret.utf8), against: hash)) }
            }
        }
    }
}

extension WebConnections {
    /// The connections of `[limits]`, as far as there are descriptors for them.
    /// - Parameter others: descriptors that the rest of the service may need.
    convenience init(_ limits: LimitSettings, _ web: WebSettings, others: Int) {
        self.init(
            maximum: DescriptorLimit.webConnections(
                wanted: limits.webConnections, descriptors: DescriptorLimit.raise(), others: others),
            maximumPerClient: limits.webConnectionsPerClient,
            clients: ForwardedClient(trustedProxies: web.trustedProxies))
    }
}
