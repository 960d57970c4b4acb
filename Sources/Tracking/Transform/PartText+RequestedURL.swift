import HTMLRewriting
import MailMessage

extension PartText {
    /// The URL a browser requests for a link of this part; `nil` where that cannot be known.
    ///
    /// Octets of a part that is edited in place are read by its charset. The query of a document in another charset than
    /// Unicode is sent in that charset (WHATWG URL, query state), where it has the characters.
    /// - Parameter value: where the address stands in ``bytes``.
    func requested(_ url: [UInt8], writtenAt value: Range<Int>) -> [UInt8]? {
        var text = url
        if case .inPlace = output, ByteSearch.hasHighOctets(bytes, in: value) {
            guard let source, let decoded = try? source.decodeToUTF8(Array(bytes[value])) else { return nil }
            text = HTMLAttributeValue.url(decoded, decoded.indices)
        }
        guard let source, !source.sendsQueriesInUTF8, ByteSearch.hasHighOctets(text, in: text.indices) else {
            return text
        }
        let fragment = text.firstIndex(of: UInt8(ascii: "#")) ?? text.endIndex
        guard let question = text[..<fragment].firstIndex(of: UInt8(ascii: "?")),
            let query = Self.encoded(text[question..<fragment], in: source)
        else { return text }
        return text[..<question] + query + text[fragment...]
    }

    /// The query with each run of non-ASCII characters in the charset, percent-encoded.
    private static func encoded(_ query: ArraySlice<UInt8>, in charset: Charset) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = query
        while let start = rest.firstIndex(where: { $0 >= 0x80 }) {
            let end = rest[start...].firstIndex { $0 < 0x80 } ?? rest.endIndex
            guard let run = charset.encodedForQuery(Array(rest[start..<end])) else { return nil }
            result += rest[..<start]
            for byte in run { Self.percentEncode(byte, into: &result) }
            rest = rest[end...]
        }
        return result + rest
    }

    /// The special-query percent-encode set.
    private static func percentEncode(_ byte: UInt8, into result: inout [UInt8]) {
        switch byte {
        case 0x21, 0x24...0x26, 0x28...0x3B, 0x3D, 0x3F...0x7E: result.append(byte)
        default:
            let digits = Array("0123456789ABCDEF".utf8)
            result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
}
