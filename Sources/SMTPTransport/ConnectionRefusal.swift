/// Why a connection is turned away.
public enum ConnectionRefusal: String, Sendable, CaseIterable {
    /// As many stand as may.
    case tooManyConnections = "too-many-connections"
    /// The delegate does not want it.
    case notAllowed = "not-allowed"
    /// It spoke before the banner, or on without waiting.
    case outOfTurn = "out-of-turn"
}
