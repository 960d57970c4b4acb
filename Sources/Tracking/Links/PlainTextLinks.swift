/// Finds `http` and `https` URLs in plain text, as mail clients make them clickable.
public enum PlainTextLinks {
    /// The ranges of the URLs in UTF-8 text, in order. Trailing punctuation and unbalanced closing brackets are left out.
    public static func find(in text: [UInt8]) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var index = 0
        while index < text.count {
            guard let colon = text[index...].firstIndex(of: UInt8(ascii: ":")) else { break }
            index = colon + 1
            guard let start = schemeStart(text, colon: colon, notBefore: found.last?.upperBound ?? 0),
                index + 1 < text.count, text[index] == UInt8(ascii: "/"), text[index + 1] == UInt8(ascii: "/")
            else { continue }
            var end = index + 2
            while end < text.count, isURLByte(text[end]) { end += 1 }
            let limit = trimmed(text, from: index + 2, to: end)
            if limit > index + 2 { found.append(start..<limit) }
            index = end
        }
        return found
    }

    /// Where `http` or `https` starts in front of the colon, when no letter or digit stands before it.
    private static func schemeStart(_ text: [UInt8], colon: Int, notBefore: Int) -> Int? {
        for scheme in ["https", "http"] {
            let start = colon - scheme.utf8.count
            guard start >= notBefore, text[start..<colon].lazy.map({ $0 | 0x20 }).elementsEqual(scheme.utf8) else {
                continue
            }
            if start > 0, isWordByte(text[start - 1]) { return nil }
            return start
        }
        return nil
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// RFC 3986 characters; anything else, non-ASCII text included, ends the URL as a CJK full stop would.
    private static func isURLByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"), UInt8(ascii: "^"),
            UInt8(ascii: "`"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private static func trimmed(_ text: [UInt8], from start: Int, to end: Int) -> Int {
        var round = 0
        var square = 0
        for byte in text[start..<end] {
            switch byte {
            case UInt8(ascii: "("): round += 1
            case UInt8(ascii: ")"): round -= 1
            case UInt8(ascii: "["): square += 1
            case UInt8(ascii: "]"): square -= 1
            default: break
            }
        }
        var end = end
        while end > start {
            switch text[end - 1] {
            case UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "!"),
                UInt8(ascii: "?"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "_"):
                end -= 1
            case UInt8(ascii: ")") where round < 0:
                round += 1
                end -= 1
            case UInt8(ascii: "]") where square < 0:
                square += 1
                end -= 1
            default: return end
            }
        }
        return end
    }
}
