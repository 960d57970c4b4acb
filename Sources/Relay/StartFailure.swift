/// Why a relay cannot start; the exit code is sysexits'.
public struct StartFailure: Error, Sendable, CustomStringConvertible {
    /// What is wrong and how to mend it.
    public let description: String
    /// 69, 73, 75 or 78.
    public let exitCode: Int32

    init(_ description: String, exitCode: Int32) {
        self.description = description
        self.exitCode = exitCode
    }
}
