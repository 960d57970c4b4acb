/// Visible text of a piece of HTML.
public enum HTMLText {
    /// The text with tags stripped, references decoded and white space collapsed; at most 4 KiB of source is read.
    public static func plainText(of html: [UInt8], in range: Range<Int>) -> [UInt8] {
        let end = min(range.upperBound, range.lowerBound + 4_096)
        var tokenizer = HTMLTokenizer(html, in: range.lowerBound..<max(range.lowerBound, end))
        var text: [UInt8] = []
        while let token = tokenizer.next() {
            guard case .text(let run) = token else { continue }
            for byte in CharacterReferences.decode(html, run, inAttribute: false) {
                if !HTMLBytes.isSpace(byte) {
                    text.append(byte)
                } else if let last = text.last, last != 0x20 {
                    text.append(0x20)
                }
            }
        }
        if text.last == 0x20 { text.removeLast() }
        return text
    }
}

/// Reads and writes attribute values.
public enum HTMLAttributeValue {
    /// A value as a browser reads it: character references decoded by the attribute rules.
    public static func decoded(_ html: [UInt8], _ value: Range<Int>) -> [UInt8] {
        CharacterReferences.decode(html, value, inAttribute: true)
    }

    /// A value as a browser requests it: references decoded, C0 controls and spaces at both ends gone, tabs and line ends
    /// everywhere (WHATWG URL, basic URL parser).
    public static func url(_ html: [UInt8], _ value: Range<Int>) -> [UInt8] {
        let value = decoded(html, value)
        if value.allSatisfy({ $0 > 0x20 }) { return value }
        var rest = value[...]
        while let first = rest.first, first <= 0x20 { rest.removeFirst() }
        while let last = rest.last, last <= 0x20 { rest.removeLast() }
        return rest.filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
    }

    /// Whether nothing in a value has to be written otherwise, as in every tracked link.
    private static func isPlain(_ value: [UInt8]) -> Bool {
        value.withUnsafeBufferPointer { value in
            value.allSatisfy { byte in
                byte > 0x3E || 0x28...0x3B ~= byte || byte == 0x3D || 0x23...0x25 ~= byte || byte == 0x21
            }
        }
    }

    /// The bytes to put where the value stood, so that a browser reads `value` back.
    public static func escaped(_ value: [UInt8], for quoting: Quoting) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(value.count + 8)
        // An unquoted value at a tag's end that ends in dashes would close the conditional comment around it.
        let isQuoted = quoting == .noValue || quoting == .unquoted && value.last == UInt8(ascii: "-")
        if quoting == .noValue { result.append(UInt8(ascii: "=")) }
        if isQuoted { result.append(UInt8(ascii: "\"")) }
        if isPlain(value) {
            result += value
            if isQuoted { result.append(UInt8(ascii: "\"")) }
            return result
        }
        for byte in value {
            switch byte {
            case UInt8(ascii: "&"): result += "&amp;".utf8
            case UInt8(ascii: "\""): result += "&quot;".utf8
            case UInt8(ascii: "'"): result += "&#39;".utf8
            case UInt8(ascii: ">"): result += "&gt;".utf8
            case UInt8(ascii: "<"): result += "&lt;".utf8
            case 0x09, 0x0A, 0x0C, 0x0D, 0x20: result += "&#\(byte);".utf8
            default: result.append(byte)
            }
        }
        if isQuoted { result.append(UInt8(ascii: "\"")) }
        return result
    }
}
