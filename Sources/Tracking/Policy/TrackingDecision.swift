/// What was decided for a mail when it was accepted; frozen, and stored with it, so that a change of configuration never
/// changes a mail between two attempts.
public struct TrackingDecision: Sendable, Hashable {
    /// The tag.
    public var tag: TagName
    /// What the tag is known by for ever.
    public var tagID: TagID
    /// Whether a pixel goes in.
    public var opens: Bool
    /// Whether links are replaced.
    public var clicks: Bool
    /// Who tracks: `local` or `upstream`.
    public var mode: TrackingMode
    /// Number of the key that signs.
    public var keyID: KeyID
    /// What a reader of the report should know.
    public var warnings: [String]
    /// Hosts whose links are tracked already: those of all tags.
    public var trackingHosts: [String]
    let policy: TagPolicy

    /// A decision under a tag's policy.
    /// - Parameter id: the tag's; its name where it stands in relay.conf.
    public init(
        tag: TagName, id: TagID? = nil, opens: Bool, clicks: Bool, policy: TagPolicy, keyID: KeyID,
        warnings: [String] = [],
        trackingHosts: [String] = []
    ) {
        self.tag = tag
        tagID = id ?? .named(tag)
        self.opens = opens
        self.clicks = clicks
        self.policy = policy
        self.keyID = keyID
        self.warnings = warnings
        self.trackingHosts = trackingHosts.isEmpty ? [policy.baseURL.host] : trackingHosts
        mode = policy.tracking
    }

    /// Tracking host.
    public var baseURL: BaseURL { policy.baseURL }
    /// Split or shared.
    public var recipients: RecipientsPolicy { policy.recipients }
    /// Whether URLs in text/plain parts are tracked.
    public var textLinks: Bool { policy.textLinks }
    /// Links that are never tracked.
    public var exclude: [LinkPattern] { policy.exclude }
    /// Links whose text is their address.
    public var labelIsURL: LabelPolicy { policy.labelIsURL }
    /// Parameters added to each tracked link's target.
    public var utm: [CampaignParameter] { policy.utm }
    /// Place of the pixel.
    public var pixel: PixelPolicy { policy.pixel }
    /// Charset of the rewritten part.
    public var charset: CharsetPolicy { policy.charset }
    /// DKIM-signed mail.
    public var dkimSigned: DKIMPolicy { policy.dkimSigned }
    /// What is kept of a hit.
    public var privacy: Privacy { policy.privacy }
}
