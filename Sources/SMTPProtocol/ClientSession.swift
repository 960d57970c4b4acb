/// The client's side of an upstream connection as a value: a reply in, actions out; no I/O, no clock.
public struct ClientSession: Sendable {
    /// What a client wants.
    public struct Settings: Sendable {
        /// Its name in EHLO.
        public var hostname: String
        /// Whether STARTTLS must succeed before anything is sent.
        public var requiresStartTLS: Bool
        /// Whether TLS is on from the start.
        public var isImplicitTLS: Bool
        /// Credentials for AUTH.
        public var credentials: Credentials?

        /// Settings with all their parts.
        public init(
            hostname: String, requiresStartTLS: Bool = true, isImplicitTLS: Bool = false,
            credentials: Credentials? = nil
        ) {
            self.hostname = hostname
            self.requiresStartTLS = requiresStartTLS
            self.isImplicitTLS = isImplicitTLS
            self.credentials = credentials
        }
    }

    /// What the owner does next, in order.
    public enum Action: Sendable, Equatable {
        case send([UInt8])
        case startTLS
        /// Idle: ``ClientSession/begin(_:)`` may be called.
        case ready
        /// Send the content with its end, then call ``ClientSession/contentSent()``.
        case sendContent
        /// A transaction is over; one reply for each recipient.
        case finished([RecipientReply])
        /// Close now.
        case fail(ClientFailure)
        /// The server has said goodbye.
        case close
    }

    enum State: Sendable {
        case greeting
        case ehlo
        case helo
        case startTLS
        case handshake
        case authentication(SASLMechanism, step: Int)
        case ready
        case transaction(ClientTransaction)
        case reset
        case quitting
        /// With what the end means for the mail that was on its way.
        case closed(MailStanding)
    }

    private let settings: Settings
    private(set) var state = State.greeting
    private var isSecure: Bool
    /// What the server offers since the last EHLO.
    public private(set) var capabilities = ServerCapabilities()

    /// A session that waits for the banner.
    public init(settings: Settings) {
        self.settings = settings
        isSecure = settings.isImplicitTLS
    }

    /// Where the dialogue stands, for deadlines and logs.
    public var phase: DialoguePhase {
        switch state {
        case .greeting: .greeting
        case .ehlo, .helo, .ready, .reset: .hello
        case .startTLS, .handshake: .startTLS
        case .authentication: .authentication
        case .transaction(let transaction): transaction.phase
        case .quitting, .closed: .quit
        }
    }

    /// Whether a transaction may begin.
    public var isReady: Bool {
        if case .ready = state { true } else { false }
    }

    /// What it means for the mail on its way if the connection ends now, or that it has ended.
    public var standing: MailStanding {
        switch state {
        case .transaction(let transaction): transaction.standing
        case .closed(let standing): standing
        default: .none
        }
    }

    /// Begins a transaction; only when ``isReady``.
    public mutating func begin(_ transaction: Transaction) -> [Action] {
        guard isReady else { return [.fail(.violation("a transaction began while another was open"))] }
        var running = ClientTransaction(transaction, capabilities: capabilities)
        return go(on: &running) { $0.start() }
    }

    /// The content is out with its end: handed to the network to the last octet, so that nothing the server says from now
    /// on can have been said before it.
    public mutating func contentSent() {
        guard case .transaction(var transaction) = state else { return }
        transaction.contentSent()
        state = .transaction(transaction)
    }

    /// Says QUIT; only when ``isReady``.
    public mutating func quit() -> [Action] {
        guard isReady else { return [.close] }
        state = .quitting
        return [.send(Self.line("QUIT"))]
    }

    /// TLS is on.
    public mutating func tlsEstablished() -> [Action] {
        guard case .handshake = state else { return [] }
        isSecure = true
        return hello()
    }

    /// A reply.
    /// - Parameter hasMore: whether bytes were received behind it.
    public mutating func receive(_ reply: Reply, hasMore: Bool) -> [Action] {
        if reply.code == 421 {
            guard case .transaction(var transaction) = state else { return fail(.closing(reply)) }
            return go(on: &transaction) { $0.closed(by: reply, .closing(reply)) }
        }
        switch state {
        case .greeting: return reply.code == 220 ? hello() : fail(.greeting(reply))
        case .ehlo: return answerToEHLO(reply)
        case .helo:
            guard reply.isPositive else { return fail(.hello(reply)) }
            capabilities = ServerCapabilities()
            return greeted()
        case .startTLS:
            guard reply.code == 220 else { return fail(.startTLSRefused(reply)) }
            guard !hasMore else { return fail(.responseInjection) }
            state = .handshake
            return [.startTLS]
        case .authentication(let mechanism, let step): return authenticate(mechanism, step, reply)
        case .transaction(var transaction):
            return go(on: &transaction, hasMore: hasMore) { $0.receive(reply, hasMore: hasMore) }
        case .reset:
            guard reply.isPositive else { return fail(.violation("RSET refused: \(reply)")) }
            state = .ready
            return [.ready]
        case .quitting:
            state = .closed(.none)
            return [.close]
        case .handshake, .ready, .closed: return fail(.violation("a reply nobody asked for: \(reply)"))
        }
    }

    // MARK: Hello, TLS, AUTH

    private mutating func hello() -> [Action] {
        state = .ehlo
        return [.send(Self.line("EHLO \(settings.hostname)"))]
    }

    private mutating func answerToEHLO(_ reply: Reply) -> [Action] {
        switch reply.severity {
        case .positive:
            capabilities = ServerCapabilities(reply)
            return greeted()
        case .permanent where !settings.requiresStartTLS && settings.credentials == nil:
            // RFC 5321 §3.2: a server that does not know EHLO may know HELO.
            state = .helo
            return [.send(Self.line("HELO \(settings.hostname)"))]
        case .permanent, .transient, .intermediate: return fail(.hello(reply))
        }
    }

    private mutating func greeted() -> [Action] {
        if settings.requiresStartTLS, !isSecure {
            guard capabilities.startTLS else { return fail(.startTLSNotOffered) }
            state = .startTLS
            return [.send(Self.line("STARTTLS"))]
        }
        guard let credentials = settings.credentials else {
            state = .ready
            return [.ready]
        }
        let offered = SASLMechanism.allCases.first { capabilities.mechanisms.contains($0.rawValue) }
        guard let offered else {
            return fail(.authenticationNotOffered(mechanisms: capabilities.mechanisms.sorted().prefix(8).map { $0 }))
        }
        state = .authentication(offered, step: 0)
        switch offered {
        case .plain: return [.send(Self.line("AUTH PLAIN \(SASL.encode(SASL.plain(credentials)))"))]
        case .login: return [.send(Self.line("AUTH LOGIN"))]
        }
    }

    private mutating func authenticate(_ mechanism: SASLMechanism, _ step: Int, _ reply: Reply) -> [Action] {
        if reply.isPositive {
            state = .ready
            return [.ready]
        }
        guard reply.severity == .intermediate, mechanism == .login, step < 2, let credentials = settings.credentials
        else {
            return fail(.authenticationRefused(reply))
        }
        // QUIRK: prompts differ in case and wording between servers; only their order counts.
        state = .authentication(mechanism, step: step + 1)
        let answer = step == 0 ? credentials.name : credentials.password.exposed
        return [.send(Self.line(SASL.encode(answer)))]
    }

    // MARK: Ends

    /// A step of a transaction, and what the session becomes by it.
    private mutating func go(
        on transaction: inout ClientTransaction, hasMore: Bool = false, _ step: (inout ClientTransaction) -> [Action]
    ) -> [Action] {
        let before = transaction.standing
        let actions = step(&transaction)
        if case .fail? = actions.last {
            state = .closed(transaction.isOver ? .none : before)
            return actions
        }
        guard transaction.isOver else {
            state = .transaction(transaction)
            return actions
        }
        if transaction.needsReset {
            // RSET would get its answer in advance, and each command behind it that of the one before.
            guard !hasMore else {
                state = .closed(.none)
                return actions + [.fail(.violation("a reply behind the end of a transaction"))]
            }
            state = .reset
            return actions + [.send(Self.line("RSET"))]
        }
        state = .ready
        return actions + [.ready]
    }

    private mutating func fail(_ failure: ClientFailure) -> [Action] {
        state = .closed(.none)
        return [.fail(failure)]
    }

    /// A command line. Nothing that reaches it holds a CR or LF; should one ever, it is dropped here.
    static func line(_ text: String) -> [UInt8] {
        var bytes = text.utf8.filter { $0 >= 0x20 && $0 != 0x7F }
        bytes.append(0x0D)
        bytes.append(0x0A)
        return bytes
    }
}
