import MailMessage

/// What to do with a CR or LF that stands alone in a message (RFC 5321 §2.3.8 forbids both).
public enum BareNewlinePolicy: Sendable {
    /// QUIRK (RFC 5321 §2.3.8): old mailers send them; each becomes CRLF.
    case normalize
    /// The message is refused after its real end.
    case reject
}
