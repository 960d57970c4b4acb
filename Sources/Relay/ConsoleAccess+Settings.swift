import Foundation
import Logging
import OpenSSLBridge
import RelayConfiguration
import Synchronization
import Tracking
import TrackingWeb

extension ConsoleAccess {
    /// Access as `[web]` says.
    /// - Throws: where there is no randomness.
    init(_ web: WebSettings) throws {
        let key = try HMACSHA256Key(try RandomBytes.make(32))
        self.init(authenticate: { key.authenticationCode(for: $0) }, now: { SystemClock.now() / 1_000 })
        if let hash = web.passwordHash {
            let checks = PasswordChecks()
            takesPassword = true
            verifyPassword = { password in
                await checks.run { PasswordHash.verify(Array(password.utf8), against: hash) }
            }
        }
        guard let hash = web.tokenHash else { return }
        takesToken = true
        let checks = PasswordChecks()
        // The hash is slow on purpose; a token that was right once is known by a quick code of this process.
        let known = KnownToken()
        verifyToken = { token in
            let code = key.authenticationCode(for: Array("token \(token)".utf8))
            if known.code.withLock({ $0 == code }) { return true }
            let fits = await checks.run { PasswordHash.verify(Array(token.utf8), against: hash) }
            if fits { known.code.withLock { $0 = code } }
            return fits
        }
    }
}

private final class KnownToken: Sendable {
    let code = Mutex<[UInt8]>([])
}
