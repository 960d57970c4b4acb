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

/// A name and its password, as octets: clients older than UTF-8 send either in the charset of their machine.
public struct Credentials: Sendable, Hashable {
    /// The name (RFC 4616's authentication identity).
    public let name: [UInt8]
    /// The password.
    public let password: Secret
    /// Whom to act as (RFC 4616's authorization identity); empty for the name itself.
    public let authorization: [UInt8]

    /// The name for rules and logs: octets that are no printable UTF-8 stand as `\xNN`.
    public var username: String { EscapedText.escape(name, limit: Int.max) }
    /// Whether they ask to act as somebody else.
    public var wantsOther: Bool { !authorization.isEmpty && authorization != name }

    /// Credentials.
    public init(username: String, password: Secret) { self.init(name: Array(username.utf8), password: password) }

    /// Credentials with a name of any octets.
    public init(name: [UInt8], password: Secret, authorization: [UInt8] = []) {
        self.name = name
        self.password = password
        self.authorization = authorization
    }
}
