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
    /// Why it was turned away before its first command, if it was.
    public var refusal: ConnectionRefusal?
}
