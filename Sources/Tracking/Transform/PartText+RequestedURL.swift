import HTMLRewriting
import MailMessage

extension PartText {
    /// The URL a browser requests for a link of this part; `nil` where that cannot be known.
    ///
    /// Octets of a part that is edited in place are read by its charset. The query of a document in another charset than
    /// Unicode is sent in that charset (WHATWG URL, query state).
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
        // It gets longer only, and is not tracked then.
        guard text.count <= TokenLimits.maximumURLOctets else { return text }
        let fragment = text.firstIndex(of: UInt8(ascii: "#")) ?? text.endIndex
        guard let question = text[..<fragment].firstIndex(of: UInt8(ascii: "?")) else { return text }
        return Self.encoded(text[question..<fragment], in: source).map { text[..<question] + $0 + text[fragment...] }
    }

    /// The query with each run of non-ASCII characters in the charset, percent-encoded.
    private static func encoded(_ query: ArraySlice<UInt8>, in charset: Charset) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = query
        while let start = rest.firstIndex(where: { $0 >= 0x80 }) {
            let end = rest[start...].firstIndex { $0 < 0x80 } ?? rest.endIndex
            result += rest[..<start]
            for piece in pieces(of: String(decoding: rest[start..<end], as: UTF8.self), in: charset) {
                switch piece {
                case .text(let text):
                    guard let octets = try? charset.encodeFromUTF8(Array(text.utf8)) else { return nil }
                    for byte in octets { percentEncode(byte, into: &result) }
                // As in a form (WHATWG URL, "percent-encode after encoding").
                case .missing(let scalar): result += "%26%23\(scalar.value)%3B".utf8
                }
            }
            rest = rest[end...]
        }
        return result + rest
    }

    private enum QueryPiece {
        case text(String)
        /// A character that the charset has not.
        case missing(Unicode.Scalar)
    }

    /// As few as there can be: an escape sequence stands once in front of several characters.
    private static func pieces(of run: String, in charset: Charset) -> [QueryPiece] {
        var pieces: [QueryPiece] = []
        for scalar in run.unicodeScalars {
            guard (try? charset.encodeFromUTF8(Array(String(scalar).utf8))) != nil else {
                pieces.append(.missing(scalar))
                continue
            }
            var text = ""
            if case .text(let before)? = pieces.last {
                text = before
                pieces.removeLast()
            }
            text.unicodeScalars.append(scalar)
            pieces.append(.text(text))
        }
        return pieces
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
