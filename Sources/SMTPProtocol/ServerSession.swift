/// The server's side of a connection as a value: a line in, actions out; no I/O, no clock.
public struct ServerSession: Sendable {
    /// What a server offers.
    public struct Settings: Sendable {
        /// Its name in banner and EHLO.
        public var hostname: String
        /// Octets of a message (SIZE).
        public var maximumMessageOctets = 25 << 20
        /// Recipients of a message.
        public var maximumRecipients = 1_000
        /// Whether a certificate is there.
        public var offersStartTLS = false
        /// What AUTH is good for.
        public var authentication = Authentication.none
        /// The words.
        public var dialect = ServerDialect.standard
        /// Keywords of EHLO that are not offered, in upper case.
        public var withheld: Set<String> = []
        /// Whether a client that sends on before it may is sent away.
        public var synchronisation = Synchronisation.lenient

        /// Settings of a server without TLS and AUTH.
        public init(hostname: String) { self.hostname = hostname }
    }

    /// What AUTH is good for.
    public enum Authentication: Sendable, Hashable {
        /// Not offered.
        case none
        /// Offered; needed before MAIL where `isMandatory`; in clear only where `allowsClear` (loopback).
        case offered(isMandatory: Bool, allowsClear: Bool)
    }

    /// What happens to a client that does not wait for a reply it must wait for (RFC 2920 §3.1).
    public enum Synchronisation: Sendable, Hashable {
        /// It is served: scripts that send a whole dialogue at once (`printf | nc`) work.
        case lenient
        /// 554 and the end: so talk spam programs and requests smuggled out of another protocol.
        case strict
    }

    /// Something only the owner can decide.
    public enum Question: Sendable, Hashable {
        case mail(ReversePath, MailParameters)
        case recipient(ForwardPath)
        case credentials(Credentials)
        /// The content is there in full.
        case message(Envelope)
    }

    /// The owner's decision.
    public enum Verdict: Sendable, Hashable {
        /// Yes, in the dialect's usual words.
        case accept
        /// Yes or no, in these words; 2xx is yes.
        case reply(Reply)
        /// No, and the connection ends with it.
        case disconnect(Reply)
        /// The connection ends without a word (for a scripted upstream).
        case hangUp
    }

    /// What the owner does next, in order.
    public enum Action: Sendable, Hashable {
        case reply(Reply)
        /// Decide, then call ``ServerSession/answer(_:)``; feed nothing in between.
        case ask(Question)
        /// Content follows; feed it to a ``DataFramer``, then call ``ServerSession/contentFinished(_:)``.
        case receiveContent
        /// Start TLS once the reply is out; bytes already received in clear close the connection (CVE-2011-0411).
        case startTLS
        /// Close once everything is out.
        case close
    }

    enum State: Hashable {
        case command
        case saslPlain
        case saslName
        case saslPassword(name: [UInt8])
        case asking(Question)
        case content
        case closed
    }

    /// What it offers.
    public let settings: Settings
    var state = State.command
    /// The client's name, once it said HELO or EHLO.
    public private(set) var helloName: String?
    /// Whether it said EHLO.
    public private(set) var isExtended = false
    /// Whether TLS is on.
    public private(set) var isSecure: Bool
    /// The name it authenticated as.
    public internal(set) var authenticatedUser: String?
    /// The transaction that is open.
    public internal(set) var envelope: Envelope?
    /// Whether it was sent away because it did not wait for a reply it must wait for.
    public private(set) var wasOutOfTurn = false
    var badCommands = 0
    var refusedCredentials = 0

    /// A session at its banner.
    public init(settings: Settings, isSecure: Bool = false) {
        self.settings = settings
        self.isSecure = isSecure
    }

    /// Whether replies carry enhanced codes.
    public var usesEnhancedCodes: Bool { settings.dialect.usesEnhancedCodes }

    /// Most octets of the next line.
    public var lineLimit: Int {
        switch state {
        // A command may be AUTH with its initial response; ``receive(_:hasMore:)`` holds the others to their limit.
        case .saslPlain, .saslName, .saslPassword, .command: SMTPLimits.authLineOctets
        case .asking, .content, .closed: SMTPLimits.commandLineOctets
        }
    }

    /// Whether nothing more will be read.
    public var isClosed: Bool { state == .closed }

    /// The banner.
    public func greeting() -> Reply { Reply(220, nil, settings.dialect.greeting(settings.hostname)) }

    /// TLS is on: everything said before is forgotten (RFC 3207 §4.2).
    public mutating func tlsEstablished() {
        isSecure = true
        helloName = nil
        isExtended = false
        authenticatedUser = nil
        envelope = nil
    }

    /// A line longer than ``lineLimit`` was skipped.
    public mutating func lineTooLong() -> [Action] {
        if state != .command { state = .command }
        return bad(Reply(500, EnhancedStatusCode(5, 5, 2), "Line too long"))
    }

    /// Bytes came before the banner was out (RFC 5321 §3.1: the client waits for it).
    /// - Returns: nothing where the client is served all the same.
    public mutating func earlyTalk() -> [Action] {
        settings.synchronisation == .strict ? outOfTurn("You must wait for the greeting") : []
    }

    /// A line, without its end.
    /// - Parameter hasMore: whether bytes behind it are there already.
    public mutating func receive(_ line: [UInt8], hasMore: Bool = false) -> [Action] {
        switch state {
        case .command: return command(line, hasMore)
        case .saslPlain, .saslName, .saslPassword:
            if hasMore, settings.synchronisation == .strict { return outOfTurn("You must wait for the reply to AUTH") }
            return saslLine(line)
        case .asking, .content, .closed: return []
        }
    }

    private mutating func command(_ line: [UInt8], _ hasMore: Bool) -> [Action] {
        guard line.count <= SMTPLimits.commandLineOctets || Command.isAuthentication(line) else { return lineTooLong() }
        switch Command.parse(line) {
        case .failure(let error): return bad(error.reply)
        case .success(let command):
            if hasMore, command.endsGroup, settings.synchronisation == .strict {
                return outOfTurn("You must wait for the reply to \(command.verb)")
            }
            return perform(command)
        }
    }

    private mutating func outOfTurn(_ text: String) -> [Action] {
        envelope = nil
        wasOutOfTurn = true
        return close(Reply(554, EnhancedStatusCode(5, 5, 0), text))
    }

    private mutating func perform(_ command: Command) -> [Action] {
        switch command {
        case .ehlo(let name): return hello(name, extended: true)
        case .helo(let name): return hello(name, extended: false)
        case .mail(let path, let parameters): return mail(path, parameters)
        case .rcpt(let path): return recipient(path)
        case .data: return data()
        case .starttls: return startTLS()
        case .auth(let mechanism, let initial): return authenticate(mechanism, initial)
        case .rset:
            envelope = nil
            return [.reply(ok("Ok", directMail: "Ok"))]
        case .noop: return [.reply(ok("Ok", directMail: "Ok"))]
        case .help: return [.reply(Reply(214, EnhancedStatusCode(2, 0, 0), "See RFC 5321"))]
        case .vrfy: return [.reply(Reply(252, EnhancedStatusCode(2, 5, 2), "Cannot verify; send it and see"))]
        case .expn, .etrn, .bdat:
            return bad(Reply(502, EnhancedStatusCode(5, 5, 1), "\(command.verb) is not implemented"))
        case .quit:
            return close(Reply(221, EnhancedStatusCode(2, 0, 0), settings.dialect.text("Bye", directMail: "Bye")))
        case .foreign: return close(Reply(554, EnhancedStatusCode(5, 5, 1), "This is an SMTP server"))
        case .unknown(let verb): return bad(Reply(500, EnhancedStatusCode(5, 5, 2), "Unknown command \(verb)"))
        }
    }

    // MARK: Commands

    private mutating func hello(_ name: String, extended: Bool) -> [Action] {
        helloName = name.isEmpty ? nil : name
        isExtended = extended
        envelope = nil
        guard extended else { return [.reply(Reply(250, nil, settings.hostname))] }
        let lines = settings.dialect.extensions(settings, tls: isSecure, auth: offersAuthentication).filter { line in
            !settings.withheld.contains(String(line.prefix { $0 != " " && $0 != "=" }))
        }
        return [.reply(Reply(250, nil, lines))]
    }

    private mutating func mail(_ path: ReversePath, _ parameters: MailParameters) -> [Action] {
        if settings.dialect.requiresEHLO, !isExtended { return bad(sequence("bad sequence of commands")) }
        if case .offered(isMandatory: true, _) = settings.authentication, authenticatedUser == nil {
            return bad(Reply(530, EnhancedStatusCode(5, 7, 0), "Authentication required"))
        }
        guard envelope == nil else { return bad(sequence("Sender already given; use RSET")) }
        if let size = parameters.size, size > settings.maximumMessageOctets { return [.reply(tooBig)] }
        if path.mailbox?.isASCII == false, !parameters.smtpUTF8 {
            return [.reply(Reply(550, EnhancedStatusCode(5, 6, 7), "A sender outside ASCII needs SMTPUTF8"))]
        }
        return ask(.mail(path, parameters))
    }

    private mutating func recipient(_ path: ForwardPath) -> [Action] {
        guard let envelope else { return bad(sequence("MAIL first")) }
        guard envelope.recipients.count < settings.maximumRecipients else {
            return [
                .reply(Reply(452, EnhancedStatusCode(4, 5, 3), "Too many recipients; send the rest in another mail"))
            ]
        }
        if !path.mailbox.isASCII, !envelope.parameters.smtpUTF8 {
            return [.reply(Reply(553, EnhancedStatusCode(5, 6, 7), "A recipient outside ASCII needs SMTPUTF8"))]
        }
        return ask(.recipient(path))
    }

    private mutating func data() -> [Action] {
        guard let envelope else { return bad(sequence("MAIL first")) }
        guard !envelope.recipients.isEmpty else {
            return bad(Reply(554, EnhancedStatusCode(5, 5, 1), "No valid recipients"))
        }
        state = .content
        return [.reply(Reply(354, nil, "End data with <CR><LF>.<CR><LF>")), .receiveContent]
    }

    private mutating func startTLS() -> [Action] {
        guard settings.offersStartTLS else {
            return bad(Reply(502, EnhancedStatusCode(5, 5, 1), "TLS is not available"))
        }
        guard !isSecure else { return bad(sequence("TLS is already on")) }
        state = .command
        return [.reply(Reply(220, EnhancedStatusCode(2, 0, 0), "Ready to start TLS")), .startTLS]
    }

    // MARK: Replies

    var tooBig: Reply {
        Reply(552, EnhancedStatusCode(5, 3, 4), "Message exceeds \(settings.maximumMessageOctets) octets")
    }

    func sequence(_ text: String) -> Reply { Reply(503, EnhancedStatusCode(5, 5, 1), text) }

    private func ok(_ text: String, directMail: String) -> Reply {
        Reply(250, EnhancedStatusCode(2, 0, 0), settings.dialect.text(text, directMail: directMail))
    }

    mutating func close(_ reply: Reply) -> [Action] {
        state = .closed
        return [.reply(reply), .close]
    }

    /// Counts a bad command; too many end the session.
    mutating func bad(_ reply: Reply) -> [Action] {
        badCommands += 1
        guard badCommands > SMTPLimits.badCommands else { return [.reply(reply)] }
        return close(Reply(421, EnhancedStatusCode(4, 7, 0), "Too many errors"))
    }
}

extension ServerSession {
    /// Whether the next line is a command, not a step of AUTH.
    public var takesCommand: Bool { state == .command }
}
