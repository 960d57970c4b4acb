public import SMTPProtocol

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
