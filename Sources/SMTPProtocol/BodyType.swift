/// `BODY=` (RFC 6152).
public enum BodyType: String, Sendable {
    /// Lines of US-ASCII.
    case sevenBit = "7BIT"
    /// Lines of octets.
    case eightBitMIME = "8BITMIME"
}
