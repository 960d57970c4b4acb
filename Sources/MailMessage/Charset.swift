/// A conversion that would lose something.
public enum CharsetError: Error, Sendable, Equatable {
    /// The bytes from `offset` on are not in the charset, or end inside a character.
    case undecodable(offset: Int)
    /// The text has characters that the charset has not.
    case unencodable
    /// The system's iconv does not know the charset.
    case unsupported(String)
}

/// A charset by its label, converted strictly through the system's iconv.
public struct Charset: Sendable, Hashable {
    private let row: Int

    /// The charset a label names, as a browser reads it; `nil` for labels nobody knows.
    public init?(label: String) {
        let label = label.lowercased().drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
        guard let row = CharsetLabels.rows[String(label)] else { return nil }
        self.row = row
    }

    private init(row: Int) { self.row = row }

    /// UTF-8.
    public static let utf8 = Charset(row: 0)

    /// Name in the WHATWG Encoding Standard, in lower case.
    public var name: String { CharsetLabels.table[row].name }

    /// Whether it is UTF-8.
    public var isUTF8: Bool { row == 0 }

    /// Whether each octet below 0x80 always means itself, so that ASCII can be edited in place. Not so where such octets
    /// are second halves (GBK, Big5, Shift_JIS, CP949) or part of escapes.
    public var isASCIISuperset: Bool {
        switch name {
        case "gb18030", "gbk", "big5", "shift_jis", "euc-kr", "iso-2022-jp", "iso-2022-kr", "iso-2022-cn", "utf-16be",
            "utf-16le", "utf-7":
            false
        default: true
        }
    }

    /// The bytes as UTF-8. A byte order mark is honoured and dropped.
    /// - Throws: ``CharsetError``; nothing is ever replaced.
    public func decodeToUTF8(_ bytes: [UInt8]) throws(CharsetError) -> [UInt8] {
        if isUTF8 || bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
            if let offset = UTF8Validation.firstDefect(in: text) { throw .undecodable(offset: offset) }
            return text
        }
        if name.hasPrefix("utf-16") {
            if bytes.starts(with: [0xFE, 0xFF]) { return try Self.convert(bytes[2...], from: "UTF-16BE", to: "UTF-8") }
            if bytes.starts(with: [0xFF, 0xFE]) { return try Self.convert(bytes[2...], from: "UTF-16LE", to: "UTF-8") }
        }
        switch name {
        case "windows-1252": return Self.decodeWindows1252(bytes)
        case "gb18030" where bytes.contains(0x80), "gbk" where bytes.contains(0x80): return try decodeWithEuro(bytes)
        case "iso-2022-jp": return try Self.decodeISO2022JP(bytes)
        case "macintosh":
            return Self.replacingMacintosh(try Self.convert(bytes[...], from: "MACINTOSH", to: "UTF-8"))
        default:
            return try Self.convert(bytes[...], from: CharsetLabels.table[row].iconv, to: "UTF-8")
        }
    }

    /// UTF-8 text in this charset.
    /// - Throws: ``CharsetError`` when a character has no place in it.
    public func encodeFromUTF8(_ text: [UInt8]) throws(CharsetError) -> [UInt8] {
        if isUTF8 { return text }
        do {
            return try Self.convert(text[...], from: "UTF-8", to: CharsetLabels.table[row].iconv)
        } catch {
            throw .unencodable
        }
    }

    static func convert(
        _ bytes: ArraySlice<UInt8>, from: String, to: String
    ) throws(CharsetError) -> [UInt8] {
        guard let converter = IconvConverter(from: from, to: to) else { throw .unsupported(from) }
        return try converter.convert(bytes)
    }

    /// 0x80–0x9F of windows-1252; the five that iconv does not have are C1 controls in the WHATWG table.
    private static let upperControls: [UInt16] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,
        0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A,
        0x0153, 0x9D, 0x017E, 0x0178,
    ]

    private static func decodeWindows1252(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + bytes.count / 8)
        for byte in bytes {
            guard byte >= 0x80 else {
                text.append(byte)
                continue
            }
            let scalar = byte < 0xA0 ? upperControls[Int(byte) - 0x80] : UInt16(byte)
            if scalar < 0x800 {
                text.append(0xC0 | UInt8(truncatingIfNeeded: scalar >> 6))
            } else {
                text.append(0xE0 | UInt8(truncatingIfNeeded: scalar >> 12))
                text.append(0x80 | UInt8(truncatingIfNeeded: scalar >> 6 & 0x3F))
            }
            text.append(0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F))
        }
        return text
    }
}
