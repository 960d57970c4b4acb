/// Charset of a rewritten part.
public enum CharsetPolicy: String, Sendable, CaseIterable {
    /// UTF-8.
    case utf8 = "utf-8"
    /// The one it had.
    case keep
}
