import MailMessage

/// Character references (§13.2.5.72–80).
enum CharacterReferences {
    /// Decodes text; in attributes a reference without semicolon in front of `=` or an alphanumeric stays as it is.
    static func decode(_ html: [UInt8], _ range: Range<Int>, inAttribute: Bool) -> [UInt8] {
        let ampersand = ByteSearch.firstIndex(of: UInt8(ascii: "&"), in: html, range)
        guard ampersand != nil || ByteSearch.firstIndex(of: 0, in: html, range) != nil else {
            return Array(html[range])
        }
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = html[index]
            index += 1
            if byte == UInt8(ascii: "&"),
                let reference = reference(html[index..<range.upperBound], inAttribute: inAttribute)
            {
                result += reference.text
                index += reference.length
            } else if byte == 0 {
                // §13.2.5.35–.37: an attribute's NUL becomes U+FFFD; elsewhere nothing that is compared depends on it.
                result += [0xEF, 0xBF, 0xBD]
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static let ampersand = [UInt8(ascii: "&")]

    private static func reference(_ rest: ArraySlice<UInt8>, inAttribute: Bool) -> (length: Int, text: [UInt8])? {
        guard let first = rest.first else { return nil }
        if first == UInt8(ascii: "#") { return numeric(rest) }
        // What most references of a mail are.
        if rest.starts(with: "amp;".utf8) { return (4, ampersand) }
        guard HTMLBytes.isAlphanumeric(first), let match = NamedCharacterReferences.longestMatch(rest) else {
            return nil
        }
        let end = rest.startIndex + match.length
        if inAttribute, rest[end - 1] != UInt8(ascii: ";"), end < rest.endIndex,
            rest[end] == UInt8(ascii: "=") || HTMLBytes.isAlphanumeric(rest[end])
        {
            return nil
        }
        return match
    }

    private static func numeric(_ rest: ArraySlice<UInt8>) -> (length: Int, text: [UInt8])? {
        var index = rest.startIndex + 1
        var radix: UInt32 = 10
        if index < rest.endIndex, rest[index] | 0x20 == UInt8(ascii: "x") {
            radix = 16
            index += 1
        }
        let digits = index
        var code: UInt32 = 0
        while index < rest.endIndex, let digit = digit(rest[index], radix: radix) {
            code = min(code * radix + digit, 0x11_0000)
            index += 1
        }
        guard index > digits else { return nil }
        if index < rest.endIndex, rest[index] == UInt8(ascii: ";") { index += 1 }
        return (index - rest.startIndex, Array(String(scalar(code)).utf8))
    }

    /// Numeric character reference end state: NUL, surrogates and what is no character become U+FFFD, C1 windows-1252.
    private static func scalar(_ code: UInt32) -> Character {
        if 0x80...0x9F ~= code, let replaced = Unicode.Scalar(windows1252[Int(code) - 0x80]) {
            return Character(replaced)
        }
        guard code != 0, let scalar = Unicode.Scalar(code) else { return "\u{FFFD}" }
        return Character(scalar)
    }

    private static let windows1252: [UInt16] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0x9D, 0x017E, 0x0178,
    ]

    private static func digit(_ byte: UInt8, radix: UInt32) -> UInt32? {
        let value: UInt32
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = UInt32(byte - UInt8(ascii: "A")) + 10
        default: return nil
        }
        return value < radix ? value : nil
    }
}
