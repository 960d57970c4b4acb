public import MailMessage

/// Signatures in the header that a change of the body breaks.
enum BodySignatures {
    /// DKIM (RFC 6376), DomainKeys (RFC 4870), ARC (RFC 8617 §4.1), and Google's own.
    private static let names: Set<String> = [
        "dkim-signature", "domainkey-signature", "x-google-dkim-signature", "arc-message-signature", "arc-seal",
    ]
    /// What says nothing without the signatures beside it (RFC 8617 §4.1.1).
    private static let companions: Set<String> = ["arc-authentication-results"]

    /// Whether a header holds one, as any reader may see it.
    static func isSigned(_ header: HeaderSection, in message: [UInt8]) -> Bool {
        header.fields.contains { names.contains($0.lowercasedName(in: message)) }
            || header.fieldsBehindCut(in: message).contains { names.contains($0.lowercasedName(in: message)) }
    }

    /// The signatures and what belongs to them.
    static func fields(of header: HeaderSection, in message: [UInt8]) -> [HeaderField] {
        header.fields.filter {
            let name = $0.lowercasedName(in: message)
            return names.contains(name) || companions.contains(name)
        }
    }
}

/// Fields that a submission service takes out of every mail (RFC 6409 §8), as Postfix does (`message_drop_headers`).
public enum DroppedFields {
    /// Blind recipients (RFC 5322 §3.6.3, §3.6.6), what only the last hop writes (RFC 5321 §4.4), a length that nobody
    /// keeps up to date, and the request for tracking.
    public static let names: Set<String> = ["bcc", "resent-bcc", "return-path", "content-length", "x-alidm-trace"]

    /// Those of a header, and those that lenient readers find behind a line that cut it.
    public static func find(in header: HeaderSection, of message: [UInt8]) -> [HeaderField] {
        header.fields.filter { isNamed($0, message) } + behindCut(header, message)
    }

    /// Those that stand in what other readers take for the body.
    static func behindCut(_ header: HeaderSection, _ message: [UInt8]) -> [HeaderField] {
        header.fieldsBehindCut(in: message).filter { isNamed($0, message) }
    }

    /// By length first: most fields are none of these.
    private static func isNamed(_ field: HeaderField, _ message: [UInt8]) -> Bool {
        switch field.name.count {
        case 3, 10, 11, 13, 14: names.contains(field.lowercasedName(in: message))
        default: false
        }
    }
}
