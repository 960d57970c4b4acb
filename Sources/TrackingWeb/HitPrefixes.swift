/// Paths of the base URLs, in front of `/o/` and `/c/`; the root is always among them.
public struct HitPrefixes: Sendable {
    let all: [String]

    /// The paths in any order, and any of them more than once.
    public init(_ paths: some Sequence<String>) { all = Set(paths).union([""]).sorted() }
}
