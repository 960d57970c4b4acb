import MailMessage

/// How a message's content ended.
public enum ContentEnd: Sendable, Equatable {
    /// All of it is there.
    case complete
    /// More octets than allowed; none of the excess was kept.
    case tooBig
    /// A lone CR or LF, and the policy refuses those.
    case bareNewline
}
