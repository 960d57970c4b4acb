public import Tracking

/// What the accounts need to know of a mail.
public struct KnownMail: Sendable, Hashable {
    /// When it was accepted, milliseconds since 1970.
    public var time: Int64
    /// Its tag, or empty.
    public var tag: String
    /// What is kept of its hits.
    public var privacy: Privacy
    /// Whether several recipients get one copy.
    public var isShared: Bool
    /// Whether it was to be tracked.
    public var isTracked: Bool

    /// A mail with all its parts.
    public init(time: Int64, tag: String, privacy: Privacy, isShared: Bool, isTracked: Bool) {
        self.time = time
        self.tag = tag
        self.privacy = privacy
        self.isShared = isShared
        self.isTracked = isTracked
    }

    init(_ record: MessageRecord) {
        self.init(
            time: record.time, tag: record.tag, privacy: record.privacy, isShared: record.isShared,
            isTracked: record.untracked.isEmpty)
    }

    /// A mail that is not known, or not yet, or not on this node: its hits are kept under no tag.
    static let unknown = KnownMail(time: 0, tag: "", privacy: .pseudonymous, isShared: false, isTracked: true)
}
