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
    /// The content was refused before its end: the rest of it would be taken for commands.
    case earlyReply(Reply)
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
        case .earlyReply(let reply): "the upstream refuses the content before its end: \(reply)"
        case .violation(let text): "the upstream breaks the protocol: \(text)"
        }
    }
}
