/// What is kept of a hit.
public enum Privacy: String, Sendable, CaseIterable {
    /// Client address and user agent.
    case full
    /// Recipient, address cut to /24 or /48, family of the agent.
    case pseudonymous
    /// Counts only, no recipient.
    case anonymous
}
