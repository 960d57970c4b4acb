import MailMessage

/// Recognises RFC 4880 armour inside ordinary text.
enum InlinePGP {
    /// Whether `-----BEGIN PGP ` stands anywhere in a text: in HTML it may stand behind a tag.
    static func isPresent(in text: [UInt8]) -> Bool { ByteSearch.firstIndex(of: "-----BEGIN PGP ", in: text) != nil }
}
