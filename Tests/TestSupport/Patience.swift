/// How long tests wait for what is to come.
public enum Patience {
    /// Long enough for a busy machine, on which all suites share two slow cores; whoever waits stops when it has come.
    public static let limit = Duration.seconds(300)
    /// The same for those who count in seconds.
    public static var seconds: Int { Int(limit.components.seconds) }
}

/// Waits until a condition holds, asking again and again.
/// - Returns: whether it came to hold.
public func eventually(
    isolation: isolated (any Actor)? = #isolation, _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + Patience.limit
    while try await !condition() {
        guard ContinuousClock.now < end else { return false }
        try await Task.sleep(for: .milliseconds(10))
    }
    return true
}
