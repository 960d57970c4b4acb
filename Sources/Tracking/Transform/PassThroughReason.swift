/// Why a mail that should be tracked goes out with its body as it was. Each has a counter of this name, a sentence, and a
/// fixture.
public enum PassThroughReason: String, Sendable, CaseIterable, Codable {
    /// The recipient is on the deny list: their copy goes out as the mail came.
    case recipientDenied = "recipient-denied"
    /// No eligible `text/html` part.
    case noHTMLPart = "no-html-part"
    /// The HTML is inside multipart/signed or application/pkcs7-mime.
    case signed
    /// The HTML is inside multipart/encrypted.
    case encrypted
    /// multipart/report.
    case report
    /// An inline PGP block.
    case inlinePGP = "inline-pgp"
    /// A signature in the header that a change would break: DKIM, ARC, DomainKeys.
    case dkimSigned = "dkim-signed"
    /// A line that is no field cuts the header, and fields that must not go out stand behind it.
    case brokenHeader = "broken-header"
    /// Header or MIME structure beyond the limits.
    case structureLimit = "structure-limit"
    /// HTML part larger than is rewritten.
    case htmlTooLarge = "html-too-large"
    /// A charset nobody knows.
    case unknownCharset = "unknown-charset"
    /// Bytes that are not in the charset, and no safe way to edit in place.
    case charsetUndecodable = "charset-undecodable"
    /// A transfer encoding nobody knows.
    case unknownEncoding = "unknown-encoding"
    /// Base64 on whose content readers disagree.
    case doubtfulEncoding = "transfer-encoding-doubtful"
    /// The signing key was revoked after the mail was accepted.
    case noKey = "no-key"
    /// There is no link to track, and an image would not be shown anywhere (a frameset).
    case noPlaceForPixel = "no-place-for-pixel"
    /// Nothing in it is to be tracked: no link, and no pixel asked for.
    case nothingToTrack = "nothing-to-track"
    /// The rewritten copy would exceed what the upstream takes.
    case tooLargeForUpstream = "too-large-for-upstream"
    /// The rewritten message did not read back as it should.
    case selfCheckFailed = "self-check-failed"

    /// The reason in words.
    public var sentence: String {
        switch self {
        case .recipientDenied: "the recipient is on the deny list"
        case .noHTMLPart: "there is no HTML part to track"
        case .signed: "the HTML is signed or enveloped (S/MIME or PGP/MIME); a change would break it"
        case .encrypted: "the content is encrypted"
        case .report: "it is a delivery report"
        case .inlinePGP: "it holds an inline PGP block"
        case .dkimSigned:
            "it carries a signature (DKIM, ARC or DomainKeys) that a change would break; `dkim-signed = \"remove\"` "
                + "drops it"
        case .brokenHeader:
            "a line in its header is no field, and behind it stand fields that are taken out or say what it holds; write a "
                + "proper header"
        case .structureLimit: "its header or MIME structure exceeds the limits"
        case .htmlTooLarge: "the part is larger than \(TransformLimits.maximumHTMLOctets) octets"
        case .unknownCharset: "the part's charset is not known"
        case .charsetUndecodable: "the part holds bytes that its charset does not have"
        case .unknownEncoding: "the part's Content-Transfer-Encoding is not known"
        case .doubtfulEncoding:
            "the part's base64 is cut off, or holds what is no base64 or stands behind its end: readers disagree on it"
        case .noKey: "the key that was to sign its links has been revoked"
        case .noPlaceForPixel: "there is no link to track, and the HTML is a frameset, which shows no image"
        case .nothingToTrack: "there is no link to track, and no pixel was asked for or has anything to stand in"
        case .tooLargeForUpstream: "rewritten it would be larger than the upstream takes"
        case .selfCheckFailed: "the rewritten mail did not read back as it should; please report this mail"
        }
    }
}

/// Sizes of the transform.
public enum TransformLimits {
    /// Decoded HTML held whole for rewriting.
    public static let maximumHTMLOctets = 8 << 20
    /// From this size on `pixel = "auto"` puts the pixel at the top: Gmail clips at 102 KB.
    public static let pixelOnTopOctets = 100 << 10
    /// Links listed in a report; more are counted only.
    public static let maximumReportedLinks = 5_000
}
