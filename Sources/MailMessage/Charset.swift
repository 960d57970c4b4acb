/// A conversion that would lose something.
public enum CharsetError: Error, Sendable, Equatable {
    /// The bytes from `offset` on are not in the charset, or end inside a character.
    case undecodable(offset: Int)
    /// The text has characters that the charset has not.
    case unencodable
    /// The system's iconv does not know the charset.
    case unsupported(String)
}

/// A charset by its label, converted strictly: by the tables of the WHATWG Encoding Standard, and through the system's iconv
/// only where mail has a charset that the standard refuses to read.
public struct Charset: Sendable, Hashable {
    /// How its octets become characters.
    enum Coding: Sendable {
        case utf8
        case utf16(isBigEndian: Bool)
        case singleByte([UInt32])
        case gb18030, gbk, big5, eucKR, eucJP, shiftJIS, iso2022JP
        case iconv(String)
        /// A charset of which only what every reader takes for ASCII is read.
        case plain
    }

    private let row: Int

    /// The charset a label names, as a browser reads it; `nil` for labels nobody knows.
    public init?(label: String) {
        let label = label.lowercased().drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        guard let row = CharsetLabels.rows[String(label)] else { return nil }
        self.row = row
    }

    private init(row: Int) { self.row = row }

    /// Two labels of one charset are equal.
    public static func == (left: Charset, right: Charset) -> Bool { left.row == right.row }

    /// By the charset, whatever its label was.
    public func hash(into hasher: inout Hasher) { hasher.combine(row) }

    /// UTF-8.
    public static let utf8 = Charset(row: 0)

    /// Name in the WHATWG Encoding Standard, in lower case.
    public var name: String { CharsetLabels.table[row].name }

    /// Whether it is UTF-8.
    public var isUTF8: Bool { row == 0 }

    var coding: Coding { CharsetLabels.codings[row] }

    /// Whether each octet below 0x80 always means itself, so that ASCII can be edited in place. Not so where such octets
    /// are second halves (GBK, Big5, Shift_JIS, CP949) or part of escapes.
    public var isASCIISuperset: Bool {
        switch coding {
        case .utf8, .singleByte, .eucJP: true
        case .gb18030, .gbk, .big5, .eucKR, .shiftJIS, .iso2022JP, .utf16, .iconv: false
        case .plain: name == "x-user-defined"
        }
    }

    /// The bytes as UTF-8. A byte order mark is honoured and dropped.
    /// - Throws: ``CharsetError``; nothing is ever replaced.
    public func decodeToUTF8(_ bytes: [UInt8]) throws(CharsetError) -> [UInt8] {
        if isUTF8 || Self.hasUTF8Mark(bytes) {
            let text = Self.hasUTF8Mark(bytes) ? Array(bytes.dropFirst(3)) : bytes
            if let offset = UTF8Validation.firstDefect(in: text) { throw .undecodable(offset: offset) }
            return text
        }
        switch coding {
        case .utf8: return bytes
        case .utf16(let isBigEndian):
            if bytes.starts(with: [0xFE, 0xFF]) {
                return try Transcoder.decode(bytes, from: 2, UTF16Decoder(isBigEndian: true))
            }
            if bytes.starts(with: [0xFF, 0xFE]) {
                return try Transcoder.decode(bytes, from: 2, UTF16Decoder(isBigEndian: false))
            }
            return try Transcoder.decode(bytes, UTF16Decoder(isBigEndian: isBigEndian))
        case .singleByte(let codePoints): return try Transcoder.decode(bytes, SingleByteDecoder(codePoints: codePoints))
        case .gb18030, .gbk: return try Transcoder.decode(bytes, GB18030Decoder())
        case .big5: return try Transcoder.decode(bytes, TwoByteDecoder(.big5))
        case .eucKR: return try Transcoder.decode(bytes, TwoByteDecoder(.eucKR))
        case .shiftJIS: return try Transcoder.decode(bytes, TwoByteDecoder(.shiftJIS))
        case .eucJP: return try Transcoder.decode(bytes, EUCJPDecoder())
        case .iso2022JP: return try Transcoder.decode(bytes, ISO2022JPDecoder())
        case .iconv(let name):
            guard let converter = IconvConverter(from: name, to: "UTF-8") else { throw .unsupported(name) }
            return try converter.convert(bytes[...])
        case .plain:
            guard let offset = Self.firstDoubt(in: bytes) else { return bytes }
            throw .undecodable(offset: offset)
        }
    }

    static func hasUTF8Mark(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0xEF, 0xBB, 0xBF]) }

    /// UTF-8 text in this charset, as the standard's encoder writes it.
    /// - Throws: ``CharsetError`` when a character has no place in it, or the standard has no encoder for it.
    public func encodeFromUTF8(_ text: [UInt8]) throws(CharsetError) -> [UInt8] {
        guard UTF8Validation.firstDefect(in: text) == nil else { throw .unencodable }
        let characters = String(decoding: text, as: UTF8.self).unicodeScalars.lazy.map(\.value)
        switch coding {
        case .utf8: return text
        case .utf16, .iconv, .plain: throw .unencodable
        case .iso2022JP:
            guard let octets = CharacterEncoder.iso2022JP(characters) else { throw .unencodable }
            return octets
        case .singleByte, .gb18030, .gbk, .big5, .eucKR, .eucJP, .shiftJIS:
            var result: [UInt8] = []
            result.reserveCapacity(text.count)
            let coding = coding
            for character in characters {
                if character < 0x80 {
                    result.append(UInt8(truncatingIfNeeded: character))
                } else {
                    guard let octets = CharacterEncoder.octets(of: character, in: coding) else { throw .unencodable }
                    result += octets
                }
            }
            return result
        }
    }
}
