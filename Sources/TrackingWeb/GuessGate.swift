import NIOCore

/// Slow comparisons of secrets: one at a time, those who never guessed wrong first, and whoever guesses is slowed down
/// by itself. Nobody is locked out: a limit for all together would serve whoever wants the owner to stay outside.
actor GuessGate {
    enum Outcome { case right, wrong, tooMany }

    /// How a gate treats its clients.
    struct Patience: Sendable {
        /// Comparisons of a client that cost no time, within a minute.
        var free = 5
        /// Milliseconds that each further one waits behind the one before.
        var pause: Int64 = 2_000
        /// Milliseconds that a client may be sent to wait; beyond it is told to come again.
        var longest: Int64 = 20_000
        /// Comparisons that wait for their turn, of all clients.
        var waiting = 64
    }

    private struct Client {
        /// Comparisons begun since the last right one, within the time that counts.
        var guesses = 0
        /// When the next may begin.
        var next: Int64 = 0
        /// When all is forgotten.
        var forgotten: Int64 = 0
    }

    private struct Waiter {
        let client: String
        let continuation: CheckedContinuation<Bool, Never>
    }

    /// Milliseconds until a client's guesses are forgotten.
    private static let memory: Int64 = 60_000
    /// Clients that are remembered.
    static let maximumClients = 10_000

    private let patience: Patience
    private let now: @Sendable () -> Int64
    private let sleep: @Sendable (Int64) async -> Void
    private var clients: [String: Client] = [:]
    private var waiters: [Waiter] = []
    private var isComparing = false

    /// - Parameters:
    ///   - now: milliseconds that never go back.
    ///   - sleep: waits so many milliseconds.
    init(
        _ patience: Patience = Patience(),
        now: @escaping @Sendable () -> Int64 = { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) },
        sleep: @escaping @Sendable (Int64) async -> Void = { try? await Task.sleep(for: .milliseconds($0)) }
    ) {
        self.patience = patience
        self.now = now
        self.sleep = sleep
    }

    /// What happens now.
    var state: (isComparing: Bool, waiting: Int) { (isComparing, waiters.count) }

    /// Compares once it is the client's turn.
    func check(_ client: String, _ compare: @Sendable () async -> Bool) async -> Outcome {
        guard let wait = reserve(client) else { return .tooMany }
        if wait > 0 { await sleep(wait) }
        guard await takeTurn(client) else { return .tooMany }
        let isRight = await compare()
        if isRight { clients[client] = nil }
        giveTurn()
        return isRight ? .right : .wrong
    }

    /// Milliseconds until the client may begin; `nil` where that is too long. Each begins with its place taken, so that
    /// many at once are slowed down as much as one after the other.
    private func reserve(_ key: String) -> Int64? {
        let now = now()
        var client = clients[key] ?? Client()
        if client.forgotten <= now { client = Client() }
        guard client.guesses >= patience.free else {
            client.guesses += 1
            client.forgotten = now + Self.memory
            remember(client, key, now)
            return 0
        }
        let begin = max(now, client.next) + patience.pause
        guard begin - now <= patience.longest else { return nil }
        client.guesses += 1
        client.next = begin
        client.forgotten = begin + Self.memory
        remember(client, key, now)
        return begin - now
    }

    private func remember(_ client: Client, _ key: String, _ now: Int64) {
        if clients[key] == nil, clients.count >= Self.maximumClients {
            clients = clients.filter { $0.value.forgotten > now }
            // More than that guess at once: the turns are what bounds them then.
            if clients.count >= Self.maximumClients { clients.removeAll() }
        }
        clients[key] = client
    }

    private func takeTurn(_ client: String) async -> Bool {
        guard isComparing else {
            isComparing = true
            return true
        }
        if waiters.count >= patience.waiting {
            // Whoever guessed least stays.
            guard let most = waiters.indices.max(by: { guesses(waiters[$0]) < guesses(waiters[$1]) }),
                guesses(waiters[most]) > clients[client]?.guesses ?? 0
            else { return false }
            waiters.remove(at: most).continuation.resume(returning: false)
        }
        return await withCheckedContinuation { waiters.append(Waiter(client: client, continuation: $0)) }
    }

    private func giveTurn() {
        guard let next = waiters.indices.min(by: { guesses(waiters[$0]) < guesses(waiters[$1]) }) else {
            isComparing = false
            return
        }
        waiters.remove(at: next).continuation.resume(returning: true)
    }

    private func guesses(_ waiter: Waiter) -> Int { clients[waiter.client]?.guesses ?? 0 }
}
