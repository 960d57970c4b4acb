/// What is wrong with a key file, by line.
public struct KeyFileDefect: Error, Equatable, CustomStringConvertible {
    /// Line, counted from 1; 0 for the file as a whole.
    public let line: Int
    /// What is wrong and how to mend it.
    public let reason: String

    /// The line and the reason.
    public var description: String { line > 0 ? "line \(line): \(reason)" : reason }
}
