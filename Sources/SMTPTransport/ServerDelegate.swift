public import SMTPProtocol

/// Who decides for a server. Calls without `async` come on an event loop and must not block.
public protocol ServerDelegate: Sendable {
    /// Where its large contents go; it gets back what it made.
    associatedtype Spill: ContentSpill
    /// A new connection: `nil` to greet it, or the reply that turns it away.
    func connected(_ connection: ConnectionFacts) -> Reply?
    /// Sets what is offered on this connection: AUTH above all.
    func configure(_ settings: inout ServerSession.Settings, for connection: ConnectionFacts)
    /// MAIL.
    func sender(_ path: ReversePath, _ parameters: MailParameters, _ connection: ConnectionFacts)
        -> ServerSession.Verdict
    /// RCPT.
    func recipient(_ path: ForwardPath, _ envelope: Envelope, _ connection: ConnectionFacts) -> ServerSession.Verdict
    /// AUTH.
    func authenticate(_ credentials: Credentials, _ connection: ConnectionFacts) async -> ServerSession.Verdict
    /// A place for a content larger than ``SMTPServer/memoryOctets``.
    /// - Throws: where there is none; the client gets 452.
    func makeSpill() throws -> Spill
    /// The content is there in full, and the delegate's; the verdict is the reply to its end. Once the client has been sent
    /// away for want of a verdict the task is cancelled: what has not begun must not begin.
    func message(_ envelope: Envelope, _ content: ReceivedContent<Spill>, _ connection: ConnectionFacts) async
        -> ServerSession.Verdict
    /// Before the banner (`connect`) and before a command is carried out (its verb).
    func intervene(at event: String, argument: String, _ connection: ConnectionFacts) -> Intervention
    /// The connection is gone.
    func disconnected(_ connection: ConnectionFacts, _ summary: SessionSummary)
}

extension ServerDelegate {
    /// Never.
    public func intervene(at event: String, argument: String, _ connection: ConnectionFacts) -> Intervention {
        .proceed
    }
}
