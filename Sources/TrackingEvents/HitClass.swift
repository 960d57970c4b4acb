/// What made a request.
public enum HitClass: String, Sendable, CaseIterable {
    /// A person, as far as can be told.
    case human
    /// A mail provider's image proxy: a real open, place unknown.
    case proxy
    /// A prefetch that hides whether the mail was read.
    case privacy
    /// A mail filter or another program.
    case scanner
    /// A browser that loads ahead.
    case prefetch
    /// HEAD.
    case head

    /// Whether no person is behind it: such hits are kept and counted by class, and are no opens and no clicks.
    public var isMachine: Bool { self != .human && self != .proxy }
}
