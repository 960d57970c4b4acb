/// One thing that is wrong in relay.conf, and how to mend it; prints as one line `file:line:column: …`.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file as it was named.
    public let file: String
    /// From 1.
    public let line: Int
    /// From 1.
    public let column: Int
    /// What is wrong and what would be right.
    public let message: String

    /// `file:line:column: message`.
    public var description: String { "\(file):\(line):\(column): \(message)" }
}

/// Everything that is wrong in relay.conf, in the order of the file.
public struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
    /// At least one.
    public let errors: [ConfigurationError]

    /// One line each.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
