import Dispatch
import Glibc
import OpenSSLBridge
import Synchronization
import Tracking

/// Comparisons of passwords, which are slow on purpose, on a thread of their own: whoever guesses costs nobody else's time.
///
/// One comparison at a time, with a rest behind each while others wait, so that they never take more than half a
/// processor; few in line, and fewer of one address; after a wrong one its address must wait, longer each time. What was
/// right a moment ago is known by a quick code, and waits for nobody.
final class PasswordChecks: Sendable {
    /// What a comparison came to.
    enum Answer: Sendable, Hashable {
        case right
        case wrong
        /// Not compared: too many are in line, or the address guessed wrong a moment ago.
        case later
    }

    private struct Guesses {
        var wrong = 0
        var waiting = 0
        var barredUntil: ContinuousClock.Instant?
    }

    private struct State {
        var waiting = 0
        var guesses: [[UInt8]: Guesses] = [:]
        var known: [[UInt8]: ContinuousClock.Instant] = [:]
    }

    private static let maximumWaiting = 16
    private static let maximumWaitingPerAddress = 2
    private static let maximumKept = 10_000
    private static let longestBar = Duration.seconds(60)
    private static let forgetting = Duration.seconds(600)
    private static let lifetime = Duration.seconds(300)
    /// An unknown name costs as much time as a wrong password.
    private static let nobody = "pbkdf2-sha256$200000$00$\(String(repeating: "0", count: 64))"

    private let queue = DispatchQueue(label: "tracerelay.passwords", qos: .utility)
    private let state = Mutex(State())
    private let now: @Sendable () -> ContinuousClock.Instant
    private let compare: @Sendable ([UInt8], String) -> Bool
    /// Without randomness at start nothing is remembered.
    private let key: HMACSHA256Key?

    init(
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        compare: @escaping @Sendable ([UInt8], String) -> Bool = { PasswordHash.verify($0, against: $1) }
    ) {
        self.now = now
        self.compare = compare
        key = (try? RandomBytes.make(32)).flatMap { try? HMACSHA256Key($0) }
    }

    /// Compares a client's password.
    /// - Parameters:
    ///   - hash: as the file has it, or `nil` for a name that is not in it.
    ///   - client: the client's address.
    func check(_ password: [UInt8], of name: [UInt8], against hash: String?, from client: String) async -> Answer {
        let code = hash.flatMap { hash in key.map { $0.authenticationCode(for: Self.joined(name, password, hash)) } }
        if let code, isKnown(code) { return .right }
        let address = Self.block(client)
        guard enter(address) else { return .later }
        let fits = await run(password, hash ?? Self.nobody) && hash != nil
        leave(address, fits: fits, code)
        return fits ? .right : .wrong
    }

    /// Runs a comparison that stands in no relation to an address.
    /// - Returns: `false` also where too many wait.
    func run(_ body: @escaping @Sendable () -> Bool) async -> Bool {
        let mayWait = state.withLock { state in
            guard state.waiting < Self.maximumWaiting else { return false }
            state.waiting += 1
            return true
        }
        guard mayWait else { return false }
        defer { state.withLock { $0.waiting -= 1 } }
        return await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body()) }
        }
    }

    private func run(_ password: [UInt8], _ hash: String) async -> Bool {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                let start = ContinuousClock.now
                continuation.resume(returning: compare(password, hash))
                rest(ContinuousClock.now - start)
            }
        }
    }

    /// Leaves the processor to the mail for as long as the comparison took.
    private func rest(_ duration: Duration) {
        guard state.withLock({ $0.waiting > 1 }) else { return }
        let microseconds = min(duration / .microseconds(1), 500_000)
        usleep(UInt32(max(0, microseconds)))
    }

    // MARK: Who may

    private func isKnown(_ code: [UInt8]) -> Bool {
        state.withLock { state in
            guard let until = state.known[code] else { return false }
            if until > now() { return true }
            state.known[code] = nil
            return false
        }
    }

    private func enter(_ address: [UInt8]) -> Bool {
        let now = self.now()
        return state.withLock { state in
            var guesses = state.guesses[address] ?? Guesses()
            if let until = guesses.barredUntil {
                if until > now { return false }
                if now - until > Self.forgetting { guesses.wrong = 0 }
            }
            guard state.waiting < Self.maximumWaiting, guesses.waiting < Self.maximumWaitingPerAddress else {
                return false
            }
            state.waiting += 1
            guesses.waiting += 1
            state.guesses[address] = guesses
            return true
        }
    }

    private func leave(_ address: [UInt8], fits: Bool, _ code: [UInt8]?) {
        let now = self.now()
        state.withLock { state in
            state.waiting -= 1
            var guesses = state.guesses[address] ?? Guesses()
            guesses.waiting = max(0, guesses.waiting - 1)
            if fits {
                if let code {
                    if state.known.count >= Self.maximumKept { state.known.removeAll() }
                    state.known[code] = now + Self.lifetime
                }
            } else {
                guesses.wrong += 1
                let bar = Duration.seconds(1 << min(guesses.wrong - 1, 6))
                guesses.barredUntil = now + min(bar, Self.longestBar)
            }
            let isIdle = guesses.waiting == 0 && guesses.barredUntil == nil
            state.guesses[address] = isIdle ? nil : guesses
            guard state.guesses.count > Self.maximumKept else { return }
            state.guesses = state.guesses.filter { $0.value.waiting > 0 || ($0.value.barredUntil ?? now) > now }
            // Ten thousand addresses that guess at the same time: whom to forget is all the same.
            while state.guesses.count > Self.maximumKept {
                guard let any = state.guesses.first(where: { $0.value.waiting == 0 }) else { return }
                state.guesses[any.key] = nil
            }
        }
    }

    /// The address as far as it tells one guesser from another: all of IPv4, the /64 of IPv6.
    private static func block(_ client: String) -> [UInt8] {
        guard let address = IPAddress(client) else { return Array(client.utf8) }
        return Array(address.octets.prefix(8))
    }

    /// Parts with their lengths, so that no two ways of cutting give the same octets.
    private static func joined(_ name: [UInt8], _ password: [UInt8], _ hash: String) -> [UInt8] {
        Array("\(name.count) \(password.count) ".utf8) + name + password + Array(hash.utf8)
    }
}
