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
    /// Name of the upstream that takes the tag's mail.
    public var upstream = "default"
    /// What the tag's mail is, for people.
    public var about = ""
    /// From domains that may use the tag; empty for all.
    public var senders: [DomainPattern] = []
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
