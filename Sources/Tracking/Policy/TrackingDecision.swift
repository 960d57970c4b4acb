/// What was decided for a mail when it was accepted; frozen, and stored with it, so that a change of configuration never
/// changes a mail between two attempts.
public struct TrackingDecision: Sendable, Hashable {
    /// The tag.
    public var tag: TagName
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
    private var policy: TagPolicy

    /// A decision under a tag's policy.
    public init(
        tag: TagName, opens: Bool, clicks: Bool, policy: TagPolicy, keyID: KeyID, warnings: [String] = [],
        trackingHosts: [String] = []
    ) {
        self.tag = tag
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

extension TrackingDecision {
    private static let version = "2"

    /// The decision as octets: fields and list entries, each closed by a NUL, which no field can hold.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160)
        func put(_ text: String) {
            for byte in text.utf8 where byte != 0 { bytes.append(byte) }
            bytes.append(0)
        }
        func put(list: [String]) {
            put(String(list.count))
            for entry in list { put(entry) }
        }
        let head = [
            Self.version, tag.description, opens ? "1" : "0", clicks ? "1" : "0", mode.rawValue, String(keyID),
            baseURL.description, recipients.rawValue, textLinks ? "1" : "0", labelIsURL.rawValue, pixel.rawValue,
            charset.rawValue, dkimSigned.rawValue, privacy.rawValue,
        ]
        for field in head { put(field) }
        put(list: exclude.map(\.description))
        put(list: utm.flatMap { [$0.name, $0.value] })
        put(list: warnings)
        put(list: trackingHosts)
        return bytes
    }

    /// Reads what ``encoded()`` wrote; `nil` for anything else.
    public init?(encoded bytes: [UInt8]) {
        var fields = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
            .map { String(decoding: $0, as: UTF8.self) }[...]
        func value<Value: RawRepresentable>(_ type: Value.Type) -> Value? where Value.RawValue == String {
            fields.popFirst().flatMap(Value.init(rawValue:))
        }
        func list() -> [String]? {
            guard let count = fields.popFirst().flatMap({ Int($0) }), 0...fields.count ~= count else { return nil }
            defer { fields = fields.dropFirst(count) }
            return Array(fields.prefix(count))
        }
        guard fields.popFirst() == Self.version, let tag = fields.popFirst().flatMap({ TagName($0) }),
            let opens = fields.popFirst(), let clicks = fields.popFirst(), let mode = value(TrackingMode.self),
            let keyID = fields.popFirst().flatMap({ KeyID($0) }),
            let baseURL = fields.popFirst().flatMap({ try? BaseURL($0) })
        else { return nil }
        var policy = TagPolicy(baseURL: baseURL)
        policy.tracking = mode
        guard let recipients = value(RecipientsPolicy.self), let textLinks = fields.popFirst(),
            let label = value(LabelPolicy.self), let pixel = value(PixelPolicy.self),
            let charset = value(CharsetPolicy.self), let dkim = value(DKIMPolicy.self),
            let privacy = value(Privacy.self), let exclude = list(), let utm = list(), let warnings = list(),
            let hosts = list(), fields.isEmpty, utm.count.isMultiple(of: 2)
        else { return nil }
        policy.recipients = recipients
        policy.textLinks = textLinks == "1"
        policy.labelIsURL = label
        policy.pixel = pixel
        policy.charset = charset
        policy.dkimSigned = dkim
        policy.privacy = privacy
        policy.exclude = exclude.map(LinkPattern.init)
        policy.utm = stride(from: 0, to: utm.count, by: 2).map { CampaignParameter(name: utm[$0], value: utm[$0 + 1]) }
        self.init(
            tag: tag, opens: opens == "1", clicks: clicks == "1", policy: policy, keyID: keyID, warnings: warnings,
            trackingHosts: hosts)
    }
}
