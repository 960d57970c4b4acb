/// One line of the key file.
public struct TrackingKey: Sendable, Equatable {
    /// What may still be done with a key.
    public enum Status: String, Sendable {
        /// Signs (if it is the newest) and verifies.
        case active
        /// Verifies only.
        case retired
        /// Neither: every link it signed is dead.
        case revoked
    }

    /// Number of the key, 0–255.
    public let id: KeyID
    /// The secret: 32 octets from a cryptographic source.
    public let secret: [UInt8]
    /// Seconds since 1970 when it was made.
    public let created: Int64
    /// What may be done with it.
    public var status: Status

    /// A key with all its parts.
    public init(id: KeyID, secret: [UInt8], created: Int64, status: Status) {
        self.id = id
        self.secret = secret
        self.created = created
        self.status = status
    }
}
