public import OpenSSLBridge
public import SMTPProtocol

/// Why an upstream took nothing over.
public enum UpstreamFailure: Error, Sendable, Hashable {
    /// No TCP connection.
    case connect(String)
    case tls(TLSError)
    case session(ClientFailure)
    /// No answer in time.
    case timedOut(DialoguePhase)
    /// The connection ended.
    case lost(DialoguePhase)
    /// The upstream takes nothing from this relay as it is configured.
    case misconfigured(RecipientReply, advice: String)
    /// The relay ends, and the mail had no verdict in time.
    case stopping

    /// The failure in words.
    public var sentence: String {
        switch self {
        case .connect(let text): "cannot connect: \(text)"
        case .tls(let error): "TLS: \(error)"
        case .session(let failure): failure.sentence
        case .timedOut(let phase): "no answer in time (\(phase.rawValue))"
        case .lost(let phase): "connection lost (\(phase.rawValue))"
        case .misconfigured(let result, let advice): "\(result.reply) (\(result.phase.rawValue): \(advice))"
        case .stopping: "the relay is stopping"
        }
    }

    /// The same as an enhanced status code (RFC 3463), for the log.
    public var status: EnhancedStatusCode {
        switch self {
        case .connect: EnhancedStatusCode(4, 4, 1)
        case .timedOut, .lost, .tls(.truncated), .tls(.corrupted): EnhancedStatusCode(4, 4, 2)
        case .tls, .session(.startTLSNotOffered), .session(.startTLSRefused), .session(.responseInjection):
            EnhancedStatusCode(4, 7, 5)
        case .session(.authenticationNotOffered), .session(.authenticationRefused): EnhancedStatusCode(4, 7, 8)
        case .session(.greeting), .session(.hello), .session(.closing): EnhancedStatusCode(4, 3, 2)
        case .session(.earlyReply), .session(.violation): EnhancedStatusCode(4, 5, 0)
        case .misconfigured: EnhancedStatusCode(4, 3, 5)
        case .stopping: EnhancedStatusCode(4, 3, 2)
        }
    }

    /// Whether only a change of configuration or at the vendor's heals it: the upstream pauses and alerts.
    public var needsOperator: Bool {
        switch self {
        case .tls(.truncated), .tls(.corrupted): false
        case .tls, .session(.authenticationRefused), .session(.authenticationNotOffered), .session(.startTLSNotOffered),
            .misconfigured:
            true
        default: false
        }
    }
}
