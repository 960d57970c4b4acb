/// How far a policy follows what a mail asks for.
public enum AskPolicy: String, Sendable, CaseIterable {
    /// What the mail asks for.
    case asAsked = "as-asked"
    /// On, whatever the mail says.
    case always
    /// Off, whatever the mail says.
    case never

    /// The flag that results.
    func applied(to asked: Bool) -> Bool {
        switch self {
        case .asAsked: asked
        case .always: true
        case .never: false
        }
    }
}

/// Who tracks.
public enum TrackingMode: String, Sendable, CaseIterable {
    /// This relay.
    case local
    /// The upstream, which is Direct Mail (§7 of the contract).
    case upstream
    /// Nobody.
    case off
}
