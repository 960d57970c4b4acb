import MailMessage

/// Sizes of tokens.
public enum TokenLimits {
    /// First octet of every token.
    public static let version: UInt8 = 1
    /// Octets of HMAC-SHA-256 that are kept (RFC 2104 §5 asks for at least half of the 32).
    public static let codeOctets = 16
    /// Longest token text that is looked at; the longest that is made is shorter than ``maximumURLOctets``.
    public static let maximumTextOctets = 4_096
    /// Longest tracked URL; mail clients and gateways cut longer ones.
    public static let maximumURLOctets = 2_000
}
