/// The Encoding Standard's encoders, which write less than the decoders read: for the queries of links, and for text that
/// goes back into the charset it came from.
enum CharacterEncoder {
    /// One character's octets; `nil` where the encoding has no place for it.
    static func octets(of codePoint: UInt32, in coding: Charset.Coding) -> [UInt8]? {
        if codePoint < 0x80 { return [UInt8(truncatingIfNeeded: codePoint)] }
        switch coding {
        case .utf8, .utf16, .iso2022JP, .iconv, .plain: return nil
        case .singleByte(let codePoints):
            return codePoints.firstIndex(of: codePoint).map { [UInt8(truncatingIfNeeded: $0 + 0x80)] }
        case .gb18030: return gb18030(codePoint, isGBK: false)
        case .gbk: return gb18030(codePoint, isGBK: true)
        case .big5:
            return EncodingPointers.big5.pointer(of: codePoint).map { pointer in
                let trail = pointer % 157
                return octets(pointer / 157 + 0x81, trail + (trail < 0x3F ? 0x40 : 0x62))
            }
        case .eucKR:
            return EncodingPointers.eucKR.pointer(of: codePoint).map { octets($0 / 190 + 0x81, $0 % 190 + 0x41) }
        case .eucJP: return eucJP(codePoint)
        case .shiftJIS: return shiftJIS(codePoint)
        }
    }

    private static func octets(_ lead: Int, _ trail: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: lead), UInt8(truncatingIfNeeded: trail)]
    }

    /// §10.2.2, with the characters that moved out of the private use area and are still written where they were.
    private static func gb18030(_ codePoint: UInt32, isGBK: Bool) -> [UInt8]? {
        if codePoint == 0xE5E5 { return nil }
        if isGBK, codePoint == 0x20AC { return [0x80] }
        if let moved = movedFromPrivateUse[codePoint] { return moved }
        if let pointer = EncodingPointers.gb18030.pointer(of: codePoint) {
            let trail = pointer % 190
            return octets(pointer / 190 + 0x81, trail + (trail < 0x3F ? 0x40 : 0x41))
        }
        guard !isGBK, let pointer = GB18030Ranges.pointer(of: codePoint) else { return nil }
        return octets(pointer / 12_600 + 0x81, pointer / 1260 % 10 + 0x30)
            + octets(pointer / 10 % 126 + 0x81, pointer % 10 + 0x30)
    }

    private static let movedFromPrivateUse: [UInt32: [UInt8]] = [
        0xE78D: [0xA6, 0xD9], 0xE78E: [0xA6, 0xDA], 0xE78F: [0xA6, 0xDB], 0xE790: [0xA6, 0xDC], 0xE791: [0xA6, 0xDD],
        0xE792: [0xA6, 0xDE], 0xE793: [0xA6, 0xDF], 0xE794: [0xA6, 0xEC], 0xE795: [0xA6, 0xED], 0xE796: [0xA6, 0xF3],
        0xE81E: [0xFE, 0x59], 0xE826: [0xFE, 0x61], 0xE82B: [0xFE, 0x66], 0xE82C: [0xFE, 0x67], 0xE832: [0xFE, 0x6D],
        0xE843: [0xFE, 0x7E], 0xE854: [0xFE, 0x90], 0xE864: [0xFE, 0xA0],
    ]

    // MARK: Japanese

    /// The yen sign and the overline, which Japanese tables have in the places of `\` and `~`.
    private static func roman(_ codePoint: UInt32) -> UInt8? {
        codePoint == 0xA5 ? 0x5C : codePoint == 0x203E ? 0x7E : nil
    }

    /// §12.1.2.
    private static func eucJP(_ codePoint: UInt32) -> [UInt8]? {
        if let octet = roman(codePoint) { return [octet] }
        if 0xFF61...0xFF9F ~= codePoint { return octets(0x8E, Int(codePoint) - 0xFF61 + 0xA1) }
        let codePoint = codePoint == 0x2212 ? 0xFF0D : codePoint
        return EncodingPointers.jis0208.pointer(of: codePoint).map { octets($0 / 94 + 0xA1, $0 % 94 + 0xA1) }
    }

    /// §12.3.2.
    private static func shiftJIS(_ codePoint: UInt32) -> [UInt8]? {
        if codePoint == 0x80 { return [0x80] }
        if let octet = roman(codePoint) { return [octet] }
        if 0xFF61...0xFF9F ~= codePoint { return [UInt8(truncatingIfNeeded: codePoint - 0xFF61 + 0xA1)] }
        let codePoint = codePoint == 0x2212 ? 0xFF0D : codePoint
        return EncodingPointers.shiftJIS.pointer(of: codePoint).map { pointer in
            let (lead, trail) = (pointer / 188, pointer % 188)
            return octets(lead + (lead < 0x1F ? 0x81 : 0xC1), trail + (trail < 0x3F ? 0x40 : 0x41))
        }
    }

    /// Half-width katakana of U+FF61 to U+FF9F, which ISO-2022-JP writes as full-width ones (index ISO-2022-JP katakana).
    private static let katakana = Array(
        "。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜".unicodeScalars.map(\.value))

    /// §12.2.2: a whole text, which ends in ASCII.
    static func iso2022JP(_ text: some Sequence<UInt32>) -> [UInt8]? {
        var result: [UInt8] = []
        var state: [UInt8] = Array("(B".utf8)
        func enter(_ next: StaticString) {
            let next = next.withUTF8Buffer { Array($0) }
            guard state != next else { return }
            state = next
            result += [0x1B] + next
        }
        for codePoint in text {
            switch codePoint {
            case 0x0E, 0x0F, 0x1B: return nil
            case 0xA5, 0x203E:
                enter("(J")
                result.append(codePoint == 0xA5 ? 0x5C : 0x7E)
            case 0x5C, 0x7E,
                0..<0x80 where state != Array("(J".utf8):
                enter("(B")
                result.append(UInt8(truncatingIfNeeded: codePoint))
            case 0..<0x80: result.append(UInt8(truncatingIfNeeded: codePoint))
            default:
                let isHalf = 0xFF61...0xFF9F ~= codePoint
                let full = isHalf ? katakana[Int(codePoint - 0xFF61)] : codePoint == 0x2212 ? 0xFF0D : codePoint
                guard let pointer = EncodingPointers.jis0208.pointer(of: full) else { return nil }
                enter("$B")
                result += octets(pointer / 94 + 0x21, pointer % 94 + 0x21)
            }
        }
        enter("(B")
        return result
    }
}
