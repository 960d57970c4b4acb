/// Octets that must not reach a log: prints `<redacted>`.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The octets themselves.
    public let exposed: [UInt8]

    /// A secret.
    public init(_ bytes: [UInt8]) { exposed = bytes }

    /// `<redacted>`.
    public var description: String { "<redacted>" }
    /// `<redacted>`.
    public var debugDescription: String { "<redacted>" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Compares without telling by time where the first difference is.
    public static func == (left: Self, right: Self) -> Bool {
        guard left.exposed.count == right.exposed.count else { return false }
        var difference: UInt8 = 0
        for (one, other) in zip(left.exposed, right.exposed) { difference |= one ^ other }
        return difference == 0
    }
}

/// A name and its password.
public struct Credentials: Sendable, Hashable {
    /// The name.
    public let username: String
    /// The password.
    public let password: Secret

    /// Credentials.
    public init(username: String, password: Secret) {
        self.username = username
        self.password = password
    }
}
