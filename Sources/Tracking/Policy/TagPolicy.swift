/// Name of a tag: 1–128 of letters, digits, `_`, `-`.
public struct TagName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// Takes a name; `nil` where it is empty, too long or holds another character.
    public init?(_ text: String) {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard allowed, 1...128 ~= text.utf8.count else { return nil }
        description = text
    }

    /// By octets.
    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

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

/// How a tracked mail to several recipients goes upstream.
public enum RecipientsPolicy: String, Sendable, CaseIterable {
    /// One transaction each, so that events name the recipient.
    case split
    /// One transaction for all; events say "one of N".
    case shared
}

/// What happens to a link whose text is its own address.
public enum LabelPolicy: String, Sendable, CaseIterable {
    /// Tracked like any other.
    case track
    /// Left alone: some filters call a text that differs from its address phishing.
    case leave
}

/// Where the pixel goes.
public enum PixelPolicy: String, Sendable, CaseIterable {
    /// The end of the body; the top where the part exceeds ``TransformLimits/pixelOnTopOctets``.
    case auto
    /// The end of the body.
    case bottom
    /// Right behind `<body>`.
    case top
}

/// Charset of a rewritten part.
public enum CharsetPolicy: String, Sendable, CaseIterable {
    /// UTF-8.
    case utf8 = "utf-8"
    /// The one it had.
    case keep
}

/// What happens to a mail that an application has signed with DKIM.
public enum DKIMPolicy: String, Sendable, CaseIterable {
    /// Its body goes out as it came.
    case passThrough = "pass-through"
    /// The signature goes, the mail is tracked.
    case remove
}

/// What is kept of a hit.
public enum Privacy: String, Sendable, CaseIterable {
    /// Client address and user agent.
    case full
    /// Recipient, address cut to /24 or /48, family of the agent.
    case pseudonymous
    /// Counts only, no recipient.
    case anonymous
}

/// One `utm` parameter.
public struct CampaignParameter: Sendable, Hashable {
    /// Its name, such as `utm_source`.
    public let name: String
    /// Its value, not yet percent-encoded.
    public let value: String

    /// A parameter.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// What a tag allows and how its mail is rewritten (§2 of the contract).
public struct TagPolicy: Sendable, Hashable {
    /// Open tracking.
    public var opens = AskPolicy.asAsked
    /// Click tracking.
    public var clicks = AskPolicy.asAsked
    /// Who tracks.
    public var tracking = TrackingMode.local
    /// Tracking host.
    public var baseURL: BaseURL
    /// Split or shared.
    public var recipients = RecipientsPolicy.split
    /// Whether URLs in text/plain parts are tracked.
    public var textLinks = false
    /// Links that are never tracked.
    public var exclude: [LinkPattern] = []
    /// Links whose text is their address.
    public var labelIsURL = LabelPolicy.track
    /// Parameters added to each tracked link's target.
    public var utm: [CampaignParameter] = []
    /// Place of the pixel.
    public var pixel = PixelPolicy.auto
    /// Charset of the rewritten part.
    public var charset = CharsetPolicy.utf8
    /// DKIM-signed mail.
    public var dkimSigned = DKIMPolicy.passThrough
    /// Name of the upstream that takes the tag's mail; `nil` for the default one.
    public var upstream: String?
    /// From domains that may use the tag; empty for all.
    public var senders: [String] = []
    /// What is kept of a hit.
    public var privacy = Privacy.pseudonymous
    /// Whether console and API show the subject.
    public var keepsSubject = false
    /// How long a mail's text stays for the console after its delivery.
    public var keepSource = Duration.zero
    /// How long addresses, subjects, clients and agents are kept.
    public var keepPersonal = Duration.seconds(90 * 86_400)
    /// How long mails, deliveries and hits are kept.
    public var keepHits = Duration.seconds(400 * 86_400)
    /// How long figures per day are kept.
    public var keepFigures = Duration.seconds(1_200 * 86_400)

    /// The built-in policy under a tracking host.
    public init(baseURL: BaseURL) { self.baseURL = baseURL }
}
