/// What is known of a client's connection.
public struct ConnectionFacts: Sendable, Hashable {
    /// Unique in this process.
    public let id: UInt64
    /// The listener's address as configured.
    public let listener: String
    /// The client's address as text.
    public let client: String
    /// What it said in HELO or EHLO.
    public internal(set) var helloName: String?
    /// Whether it said EHLO.
    public internal(set) var isExtended = false
    /// The name it authenticated as.
    public internal(set) var authenticatedUser: String?
    /// Version and cipher, where TLS is on.
    public internal(set) var tls: String?
}
