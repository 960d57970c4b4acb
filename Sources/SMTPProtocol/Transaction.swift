/// One mail for one upstream transaction, without its content.
public struct Transaction: Sendable {
    /// The sender.
    public var reversePath: ReversePath
    /// The recipients; at least one.
    public var recipients: [ForwardPath]
    /// Octets of the content, for SIZE.
    public var octets: Int
    /// Whether the content has octets above 127.
    public var isEightBit: Bool
    /// Whether SMTPUTF8 is needed.
    public var needsSMTPUTF8: Bool

    /// A transaction with all its parts.
    public init(
        reversePath: ReversePath, recipients: [ForwardPath], octets: Int, isEightBit: Bool = false,
        needsSMTPUTF8: Bool = false
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.octets = octets
        self.isEightBit = isEightBit
        self.needsSMTPUTF8 = needsSMTPUTF8
    }
}

/// Where in a dialogue a reply came.
public enum DialoguePhase: String, Sendable, CaseIterable {
    case connect = "connect"
    case greeting = "greeting"
    case hello = "EHLO"
    case startTLS = "STARTTLS"
    case authentication = "AUTH"
    case mail = "MAIL"
    case recipient = "RCPT"
    case data = "DATA"
    case content = "content"
    case quit = "QUIT"
}

/// What the server said about one recipient.
public struct RecipientReply: Sendable, Hashable {
    /// The reply that decided: to the end of the content where it was sent.
    public let reply: Reply
    /// Which command it answered.
    public let phase: DialoguePhase

    /// Whether the server has taken over the mail for this recipient.
    public var isAccepted: Bool { phase == .content && reply.isPositive }

    /// A reply and its place.
    public init(reply: Reply, phase: DialoguePhase) {
        self.reply = reply
        self.phase = phase
    }
}

/// Why a connection is of no more use.
public enum ClientFailure: Error, Sendable, Hashable {
    case greeting(Reply)
    case hello(Reply)
    /// STARTTLS is required and not offered.
    case startTLSNotOffered
    case startTLSRefused(Reply)
    /// Bytes behind the reply to STARTTLS (CVE-2021-38371).
    case responseInjection
    /// None of our mechanisms is offered.
    case authenticationNotOffered(mechanisms: [String])
    case authenticationRefused(Reply)
    /// 421 (RFC 5321 §3.8).
    case closing(Reply)
    case violation(String)

    /// The failure in words.
    public var sentence: String {
        switch self {
        case .greeting(let reply): "the upstream greets with \(reply)"
        case .hello(let reply): "the upstream refuses EHLO: \(reply)"
        case .startTLSNotOffered: "the upstream does not offer STARTTLS, which is required; nothing was sent in clear"
        case .startTLSRefused(let reply): "the upstream refuses STARTTLS: \(reply)"
        case .responseInjection:
            "the upstream sent more than its reply before TLS; somebody may tamper with the connection"
        case .authenticationNotOffered(let offered):
            "the upstream offers no AUTH mechanism we know (offered: \(offered.isEmpty ? "none" : offered.joined(separator: " ")))"
        case .authenticationRefused(let reply): "the upstream refuses the user name or password: \(reply)"
        case .closing(let reply): "the upstream closes: \(reply)"
        case .violation(let text): "the upstream breaks the protocol: \(text)"
        }
    }
}
