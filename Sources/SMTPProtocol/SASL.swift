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
        return defects.foreignOctets == 0 && !defects.isTruncated ? bytes : nil
    }

    static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: Base64.encode(bytes, lineLength: nil), as: UTF8.self)
    }

    /// `authzid NUL authcid NUL password` (RFC 4616 §2). An authorization identity other than the name itself is refused.
    static func plain(_ message: [UInt8]) -> Credentials? {
        let parts = message.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count == 3, let name = text(parts[1]), !name.isEmpty,
            parts[0].isEmpty || parts[0].elementsEqual(parts[1])
        else { return nil }
        return Credentials(username: name, password: Secret(Array(parts[2])))
    }

    static func plain(_ credentials: Credentials) -> [UInt8] {
        [0] + Array(credentials.username.utf8) + [0] + credentials.password.exposed
    }

    static func text(_ bytes: some Collection<UInt8>) -> String? {
        guard let text = String(validating: bytes, as: UTF8.self), text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        return text
    }
}
