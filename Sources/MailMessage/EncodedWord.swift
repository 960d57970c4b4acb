/// RFC 2047 encoded words.
public enum EncodedWord {
    /// Decodes the encoded words of a field body into UTF-8. White space between two of them goes (§6.2); what is not
    /// well formed, or in a charset nobody knows, stays as it is.
    public static func decode(_ value: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        var wordEnd: Int?
        while index < value.count {
            guard let start = value[index...].firstIndex(of: UInt8(ascii: "=")) else { break }
            if let word = word(at: start, in: value) {
                let between = value[index..<start]
                if wordEnd != index || !between.allSatisfy(ASCII.isWhiteSpace) { result += between }
                result += word.text
                index = word.end
                wordEnd = word.end
            } else {
                result += value[index...start]
                index = start + 1
            }
        }
        return result + value[min(index, value.count)...]
    }

    private static func word(at start: Int, in value: [UInt8]) -> (text: [UInt8], end: Int)? {
        // `=?charset[*language]?encoding?text?=`; the limit keeps hostile input linear.
        let limit = min(value.count, start + 4_096)
        guard start + 1 < limit, value[start + 1] == UInt8(ascii: "?") else { return nil }
        let question = UInt8(ascii: "?")
        guard let first = value[(start + 2)..<limit].firstIndex(of: question), first > start + 2, first + 3 < limit,
            value[first + 2] == question
        else { return nil }
        guard let last = value[(first + 3)..<limit].firstIndex(of: question), last + 1 < limit,
            value[last + 1] == UInt8(ascii: "=")
        else { return nil }
        let label = value[(start + 2)..<first].prefix { $0 != UInt8(ascii: "*") }
        guard let charset = Charset(label: String(decoding: label, as: UTF8.self)) else { return nil }
        let encoded = (first + 3)..<last
        let bytes: [UInt8]
        switch ASCII.lowercased(value[first + 1]) {
        case UInt8(ascii: "b"):
            let (decoded, defects) = Base64.decode(value, in: encoded)
            // Half a truth is none: it stays as it is.
            guard !defects.isDoubtful else { return nil }
            bytes = decoded
        case UInt8(ascii: "q"):
            let spaced = value[encoded].map { $0 == UInt8(ascii: "_") ? ASCII.space : $0 }
            bytes = QuotedPrintable.decode(spaced + [UInt8(ascii: ".")], in: 0..<spaced.count + 1).bytes.dropLast()
        default: return nil
        }
        guard let text = try? charset.decodeToUTF8(bytes) else { return nil }
        return (text, last + 2)
    }
}
