/// `[log]`.
public struct LogSettings: Sendable {
    /// Shape of a line.
    public enum Format: String, Sendable, CaseIterable { case logfmt, json }
    /// Least level that is written.
    public enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
    /// Shape of a line.
    public var format = Format.logfmt
    /// Least level that is written.
    public var level = Level.info

    /// The defaults.
    public init() {}
}
