import MailMessage

/// The mechanisms both sides know (RFC 4616 PLAIN; LOGIN has no RFC, draft-murchison-sasl-login).
public enum SASLMechanism: String, Sendable, CaseIterable {
    /// One message with everything.
    case plain = "PLAIN"
    /// Prompts for name and password.
    case login = "LOGIN"
}

enum SASL {
    /// Strict base64 of a SASL line; `=` alone is the empty message (RFC 4954 §4).
    static func decode(_ line: some Collection<UInt8>) -> [UInt8]? {
        let text = Array(line)
        if text == [UInt8(ascii: "=")] { return [] }
        guard text.count.isMultiple(of: 4) else { return nil }
        let (bytes, defects) = Base64.decode(text, in: text.indices)
        return !defects.isDoubtful && !defects.isTruncated ? bytes : nil
    }

    static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: Base64.encode(bytes, lineLength: nil), as: UTF8.self)
    }

    /// `authzid NUL authcid NUL password` (RFC 4616 §2). Whether the identities are any good is the owner's to say: a
    /// name that does not fit is refused (535), it is not unreadable (501).
    static func plain(_ message: [UInt8]) -> Credentials? {
        let parts = message.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        return Credentials(
            name: Array(parts[1]), password: Secret(Array(parts[2])), authorization: Array(parts[0]))
    }

    static func plain(_ credentials: Credentials) -> [UInt8] {
        credentials.authorization + [0] + credentials.name + [0] + credentials.password.exposed
    }
}
