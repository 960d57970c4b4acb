/// What pages do with a charset, and what mail may do with one that nobody knows.
extension Charset {
    /// Whether browsers send the queries of such documents in UTF-8: Unicode's own, and what they refuse to read.
    public var sendsQueriesInUTF8: Bool {
        switch coding {
        case .utf8, .utf16, .iconv: true
        case .plain: name != "x-user-defined"
        case .singleByte, .gb18030, .gbk, .big5, .eucKR, .eucJP, .shiftJIS, .iso2022JP: false
        }
    }

    /// Whether every reader takes the octets for ASCII, though nobody knows the charset: no octet that shifts or escapes
    /// (ISO 2022, HZ), or, under a label that may mean one of the family, UTF-7's plus sign.
    public static func isPlainASCII(_ bytes: [UInt8], label: String) -> Bool {
        guard firstDoubt(in: bytes) == nil else { return false }
        let label = label.lowercased()
        return !(label.contains("utf") && label.contains("7") && bytes.contains(UInt8(ascii: "+")))
    }

    /// The first octet that some charset reads otherwise than ASCII does.
    static func firstDoubt(in bytes: [UInt8]) -> Int? {
        bytes.indices.first { index in
            switch bytes[index] {
            case 0x20..<0x7E, ASCII.tab, ASCII.lf, ASCII.cr, 0x0C: false
            // HZ (RFC 1843): two of them are one, and with a brace or a line end they shift.
            case UInt8(ascii: "~"):
                index + 1 < bytes.count && [0x7B, 0x7D, 0x7E, 0x0A, 0x0D].contains(bytes[index + 1])
            default: true
            }
        }
    }
}
