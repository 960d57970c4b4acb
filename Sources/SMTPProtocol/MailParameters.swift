/// Parameters of MAIL.
public struct MailParameters: Sendable, Hashable {
    /// `SIZE=` in octets (RFC 1870).
    public var size: Int?
    /// `BODY=`.
    public var body: BodyType?
    /// `SMTPUTF8` (RFC 6531).
    public var smtpUTF8 = false

    /// No parameters.
    public init() {}
}

extension MailParameters {
    /// Takes one word behind the path.
    /// - Parameter seen: names so far; RFC 5321 §4.1.1.11 has each once.
    /// - Returns: the refusal where it cannot be taken.
    mutating func take(_ word: ArraySlice<UInt8>, _ seen: inout Set<String>) -> Reply? {
        let equals = word.firstIndex(of: UInt8(ascii: "="))
        let name = String(decoding: word[..<(equals ?? word.endIndex)], as: UTF8.self).uppercased()
        let value = equals.map { word[($0 + 1)...] }
        switch (name, value) {
        case ("SIZE", let value?):
            guard 1...20 ~= value.count, value.allSatisfy({ 0x30...0x39 ~= $0 }) else {
                return Self.bad("SIZE must be a number of octets")
            }
            size = Int(String(decoding: value, as: UTF8.self)) ?? Int.max
        case ("BODY", let value?):
            guard let type = BodyType(rawValue: String(decoding: value, as: UTF8.self).uppercased()) else {
                return Self.bad("BODY must be 7BIT or 8BITMIME")
            }
            body = type
        case ("SMTPUTF8", nil): smtpUTF8 = true
        case ("AUTH", let value?):
            // RFC 4954 §5: without trust in the client the parameter says nothing; it is read, checked and dropped.
            guard let mailbox = XText.decode(value), !mailbox.isEmpty, XText.isPrintable(mailbox) else {
                return Self.bad("AUTH must be <> or an address as xtext (RFC 3461)")
            }
        default:
            return Reply(
                555, EnhancedStatusCode(5, 5, 4), "Unsupported parameter \(EscapedText.escape(word, limit: 40))")
        }
        return seen.insert(name).inserted ? nil : Self.bad("\(name) is given twice")
    }

    private static func bad(_ text: String) -> Reply { Reply(501, EnhancedStatusCode(5, 5, 4), text) }
}
