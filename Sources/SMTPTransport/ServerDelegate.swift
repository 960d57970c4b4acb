public import SMTPProtocol

/// What is known of a client's connection.
public struct ConnectionFacts: Sendable, Hashable {
    /// Unique in this process.
    public let id: UInt64
    /// The listener's address as configured.
    public let listener: String
    /// The client's address as text.
    public let client: String
    /// What it said in HELO or EHLO.
    public internal(set) var helloName: String?
    /// Whether it said EHLO.
    public internal(set) var isExtended = false
    /// The name it authenticated as.
    public internal(set) var authenticatedUser: String?
    /// Version and cipher, where TLS is on.
    public internal(set) var tls: String?
}

/// A message's content as it came.
public enum ReceivedContent: Sendable {
    /// All of it.
    case memory([UInt8])
    /// In a file, because it is larger than ``SMTPServer/memoryOctets``.
    case spilled(any ContentSpill)
}

/// Takes a large content piece by piece, off the event loop.
public protocol ContentSpill: AnyObject, Sendable {
    /// Appends a piece.
    /// - Throws: where the disk does not take it; the client gets 452.
    func append(_ piece: [UInt8]) async throws
    /// Removes what was written: the message was refused or the client has gone.
    func discard()
}

/// What a server does instead of going on (for a scripted upstream).
public enum Intervention: Sendable, Hashable {
    /// Nothing special.
    case proceed
    /// This reply in place of the usual one; the command has no other effect.
    case reply(Reply)
    /// This reply, then the end of the connection.
    case disconnect(Reply)
    /// The end of the connection without a word.
    case hangUp
    /// Go on after so many milliseconds.
    case delay(milliseconds: Int)
}

/// What one connection came to.
public struct SessionSummary: Sendable {
    /// Messages accepted.
    public var accepted = 0
    /// Messages refused after their content.
    public var refused = 0
    /// Octets of content received.
    public var octets = 0
    /// Why it ended.
    public var end = "lost"
}

/// Who decides for a server. Calls without `async` come on an event loop and must not block.
public protocol ServerDelegate: Sendable {
    /// A new connection: `nil` to greet it, or the reply that turns it away.
    func connected(_ connection: ConnectionFacts) -> Reply?
    /// What AUTH is good for on this connection.
    func authentication(for connection: ConnectionFacts) -> ServerSession.Authentication
    /// MAIL.
    func sender(_ path: ReversePath, _ parameters: MailParameters, _ connection: ConnectionFacts)
        -> ServerSession.Verdict
    /// RCPT.
    func recipient(_ path: ForwardPath, _ envelope: Envelope, _ connection: ConnectionFacts) -> ServerSession.Verdict
    /// AUTH.
    func authenticate(_ credentials: Credentials, _ connection: ConnectionFacts) async -> ServerSession.Verdict
    /// A place for a content larger than ``SMTPServer/memoryOctets``.
    /// - Throws: where there is none; the client gets 452.
    func makeSpill() throws -> any ContentSpill
    /// The content is there in full; the verdict is the reply to its end.
    func message(_ envelope: Envelope, _ content: ReceivedContent, _ connection: ConnectionFacts) async
        -> ServerSession.Verdict
    /// Before a command is carried out (`connect`, or its verb) and before content is judged (`content`).
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
