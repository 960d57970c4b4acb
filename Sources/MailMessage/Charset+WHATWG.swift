/// Where the Encoding Standard reads more than the system's iconv, or reads it otherwise.
extension Charset {
    /// Whether browsers send the queries of such documents in UTF-8: Unicode's own, and what they refuse to read.
    public var sendsQueriesInUTF8: Bool {
        isUTF8 || name.hasPrefix("utf-") || ["iso-2022-kr", "iso-2022-cn"].contains(name)
    }

    /// Text in the charset as the standard's encoders write it, which have less than the decoders; `nil` where a character
    /// has no place in it.
    public func encodedForQuery(_ text: [UInt8]) -> [UInt8]? {
        switch name {
        case "gbk":
            let euro: [UInt8] = [0xE2, 0x82, 0xAC]
            if text == euro { return [0x80] }
            return try? Self.convert(text[...], from: "UTF-8", to: "GBK")
        // Codes below 0xA1 are read and never written.
        case "big5":
            return (try? encodeFromUTF8(text)).flatMap { bytes in
                stride(from: 0, to: bytes.count, by: 2).allSatisfy { bytes[$0] >= 0xA1 } ? bytes : nil
            }
        // So is JIS X 0212.
        case "euc-jp": return (try? encodeFromUTF8(text)).flatMap { $0.contains(0x8F) ? nil : $0 }
        case "iso-2022-jp":
            guard let euc = try? Self.convert(text[...], from: "UTF-8", to: "EUC-JP-MS"),
                euc.allSatisfy({ $0 >= 0xA1 })
            else { return nil }
            return [0x1B, UInt8(ascii: "$"), UInt8(ascii: "B")] + euc.map { $0 & 0x7F }
                + [0x1B, UInt8(ascii: "("), UInt8(ascii: "B")]
        default: return try? encodeFromUTF8(text)
        }
    }

    /// GB18030 decoder, step 2: 0x80 as a first octet is the euro sign of windows-936.
    func decodeWithEuro(_ bytes: [UInt8]) throws(CharsetError) -> [UInt8] {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count + bytes.count / 8)
        var index = 0
        while index < bytes.count {
            var end = index + 1
            switch bytes[index] {
            case 0x80: plain += [0xA2, 0xE3]
            case 0x81...0xFE:
                let isFour = end < bytes.count && 0x30...0x39 ~= bytes[end]
                end = min(index + (isFour ? 4 : 2), bytes.count)
                plain += bytes[index..<end]
            default: plain.append(bytes[index])
            }
            index = end
        }
        return try Self.convert(plain[...], from: "GB18030", to: "UTF-8")
    }

    /// ISO-2022-JP by way of EUC-JP, whose table has the NEC row 13 and IBM characters that Japanese mail is full of.
    static func decodeISO2022JP(_ bytes: [UInt8]) throws(CharsetError) -> [UInt8] {
        enum Plane { case ascii, roman, katakana, kanji, supplement }
        let escapes: [([UInt8], Plane)] = [
            (Array("(B".utf8), .ascii), (Array("(J".utf8), .roman), (Array("(I".utf8), .katakana),
            (Array("$@".utf8), .kanji), (Array("$B".utf8), .kanji), (Array("$(D".utf8), .supplement),
        ]
        var euc: [UInt8] = []
        euc.reserveCapacity(bytes.count + 16)
        var plane = Plane.ascii
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == 0x1B {
                guard let escape = escapes.first(where: { bytes[(index + 1)...].starts(with: $0.0) }) else {
                    throw .undecodable(offset: index)
                }
                plane = escape.1
                index += 1 + escape.0.count
                continue
            }
            guard byte < 0x80 else { throw .undecodable(offset: index) }
            // Controls mean themselves in every plane; a line end also leads mailers back to ASCII that forgot to say so.
            if byte <= 0x20 || plane == .ascii {
                euc.append(byte)
                index += 1
                continue
            }
            switch plane {
            case .ascii: break
            case .roman where byte == 0x5C || byte == 0x7E:
                // The yen sign and the overline, which EUC-JP does not have: marked by ESC, of which none is left here.
                euc += [0x1B, byte]
            case .roman: euc.append(byte)
            case .katakana: euc += [0x8E, byte | 0x80]
            case .kanji, .supplement:
                guard index + 1 < bytes.count, 0x21...0x7E ~= bytes[index + 1] else {
                    throw .undecodable(offset: index)
                }
                euc += (plane == .kanji ? [] : [0x8F]) + [byte | 0x80, bytes[index + 1] | 0x80]
                index += 1
            }
            index += 1
        }
        let text = try convert(euc[...], from: "EUC-JP-MS", to: "UTF-8")
        return text.contains(0x1B) ? replacingMarks(text) : text
    }

    private static func replacingMarks(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var isMarked = false
        for byte in text {
            switch byte {
            case 0x1B: isMarked = true
            case _ where isMarked:
                result += byte == 0x5C ? [0xC2, 0xA5] : [0xE2, 0x80, 0xBE]
                isMarked = false
            default: result.append(byte)
            }
        }
        return result
    }

    /// Index macintosh: 0xC6 is U+2206 and 0xF0 U+F8FF, where iconv has U+0394 and U+E01E.
    static func replacingMacintosh(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index...].starts(with: [0xCE, 0x94]) {
                result += [0xE2, 0x88, 0x86]
                index += 2
            } else if text[index...].starts(with: [0xEE, 0x80, 0x9E]) {
                result += [0xEF, 0xA3, 0xBF]
                index += 3
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}
