/// `Local-part@Domain` (RFC 5321 §4.1.2, RFC 6531 §3.3); the domain is empty only for `<postmaster>`.
public struct Mailbox: Sendable, Hashable, CustomStringConvertible {
    /// As it was written, quotes included.
    public let localPart: String
    /// Domain or address literal, as it was written.
    public let domain: String

    /// The address as it goes on the wire, without angle brackets.
    public var description: String { domain.isEmpty ? localPart : "\(localPart)@\(domain)" }

    /// Whether a server without SMTPUTF8 can take it.
    public var isASCII: Bool { localPart.utf8.allSatisfy { $0 < 0x80 } && domain.utf8.allSatisfy { $0 < 0x80 } }

    /// What two ways to write one mailbox have in common: case counts in local parts alone (RFC 5321 §2.4).
    /// Octets, since texts are equal to Swift that differ in how an accent is written.
    public var identity: [UInt8] { Array(localPart.utf8) + [UInt8(ascii: "@")] + Array(domain.lowercased().utf8) }

    /// Reads `local@domain`, or `postmaster` alone; `nil` for anything else.
    public init?(_ text: some StringProtocol) { self.init(bytes: Array(text.utf8)) }

    init?(bytes: [UInt8]) {
        var index = 0
        guard let local = Self.localPart(bytes, &index), local.count <= SMTPLimits.localPartOctets else { return nil }
        let text = String(decoding: local, as: UTF8.self)
        if index == bytes.count, text.lowercased() == "postmaster" {
            self.init(localPart: text, domain: "")
            return
        }
        guard index < bytes.count, bytes[index] == UInt8(ascii: "@") else { return nil }
        var domain = bytes[(index + 1)...]
        // QUIRK (RFC 5321 §4.1.2): the dot of DNS's root, as some mailers copy it from a zone file; it does not go on.
        if domain.count > 1, domain.last == UInt8(ascii: ".") { domain.removeLast() }
        guard 1...SMTPLimits.domainOctets ~= domain.count, Self.isDomain(domain),
            String(validating: bytes, as: UTF8.self) != nil
        else { return nil }
        self.init(localPart: text, domain: String(decoding: domain, as: UTF8.self))
    }

    private init(localPart: String, domain: String) {
        self.localPart = localPart
        self.domain = domain
    }

    private static func localPart(_ bytes: [UInt8], _ index: inout Int) -> ArraySlice<UInt8>? {
        if bytes.first == UInt8(ascii: "\"") {
            index = 1
            while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
            }
            guard index < bytes.count, bytes[1..<index].allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
            index += 1
            return bytes[..<index]
        }
        // QUIRK (RFC 5321 §4.1.2): dots at either end or in a row exist in the wild (Japanese carriers).
        while index < bytes.count, isAtext(bytes[index]) || bytes[index] == UInt8(ascii: ".") { index += 1 }
        return index > 0 ? bytes[..<index] : nil
    }

    private static func isAtext(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
            true
        default: "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
        }
    }

    static func isDomain(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.first == UInt8(ascii: "[") {
            return bytes.count > 2 && bytes.last == UInt8(ascii: "]")
                && bytes.dropFirst().dropLast().allSatisfy { 0x21...0x7E ~= $0 && !(0x5B...0x5D ~= $0) }
        }
        let labels = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            1...63 * 4 ~= label.count && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), 0x80...:
                        true
                    // QUIRK (RFC 1123 §2.1): underscores in host names of Windows networks.
                    case UInt8(ascii: "_"): true
                    default: false
                    }
                }
        }
    }
}
