/// EUC-JP (Encoding Standard §12.1.1).
struct EUCJPDecoder: CharacterDecoder {
    let kanji = EncodingIndex.jis0208.codePoints
    let supplement = EncodingIndex.jis0212.codePoints

    func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        let lead = octets[index]
        if lead < 0x80 {
            index += 1
            return UInt32(lead)
        }
        guard index + 1 < octets.count else { return Decoded.malformed }
        if lead == 0x8E {
            guard 0xA1...0xDF ~= octets[index + 1] else { return Decoded.malformed }
            index += 2
            return 0xFF61 - 0xA1 + UInt32(octets[index - 1])
        }
        let isSupplement = lead == 0x8F
        let place = isSupplement ? index + 1 : index
        guard place + 1 < octets.count, 0xA1...0xFE ~= octets[place], 0xA1...0xFE ~= octets[place + 1] else {
            return Decoded.malformed
        }
        let pointer = Int(octets[place] - 0xA1) * 94 + Int(octets[place + 1] - 0xA1)
        index = place + 2
        let codePoints = isSupplement ? supplement : kanji
        guard pointer < codePoints.count, codePoints[pointer] != 0 else { return Decoded.malformed }
        return codePoints[pointer]
    }
}

/// ISO-2022-JP (Encoding Standard §12.2.1), and what mail readers take besides: JIS X 0212 (RFC 2237), white space inside
/// double-byte text, and escapes that follow each other.
struct ISO2022JPDecoder: CharacterDecoder {
    enum State { case ascii, roman, katakana, kanji, supplement }

    static let hasPlainASCII = false
    private static let escape: UInt8 = 0x1B

    let kanji = EncodingIndex.jis0208.codePoints
    let supplement = EncodingIndex.jis0212.codePoints
    private(set) var state = State.ascii

    var designation: [UInt8] {
        let rest: String =
            switch state {
            case .ascii: "(B"
            case .roman: "(J"
            case .katakana: "(I"
            case .kanji: "$B"
            case .supplement: "$(D"
            }
        return [Self.escape] + rest.utf8
    }

    mutating func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        let octet = octets[index]
        if octet == Self.escape { return designate(octets, &index) }
        guard octet < 0x80, octet != 0x0E, octet != 0x0F else { return Decoded.malformed }
        // Controls mean themselves in every state.
        if octet <= 0x20 || state == .ascii || state == .roman {
            index += 1
            let isRoman = state == .roman
            return isRoman && octet == 0x5C ? 0xA5 : isRoman && octet == 0x7E ? 0x203E : UInt32(octet)
        }
        if state == .katakana {
            guard octet <= 0x5F else { return Decoded.malformed }
            index += 1
            return 0xFF61 - 0x21 + UInt32(octet)
        }
        guard octet <= 0x7E, index + 1 < octets.count, 0x21...0x7E ~= octets[index + 1] else {
            return Decoded.malformed
        }
        let pointer = Int(octet - 0x21) * 94 + Int(octets[index + 1] - 0x21)
        index += 2
        let codePoints = state == .kanji ? kanji : supplement
        guard pointer < codePoints.count, codePoints[pointer] != 0 else { return Decoded.malformed }
        return codePoints[pointer]
    }

    private mutating func designate(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        guard index + 2 < octets.count else { return Decoded.malformed }
        let (first, second) = (octets[index + 1], octets[index + 2])
        switch (first, second) {
        case (UInt8(ascii: "("), UInt8(ascii: "B")): state = .ascii
        case (UInt8(ascii: "("), UInt8(ascii: "J")): state = .roman
        case (UInt8(ascii: "("), UInt8(ascii: "I")): state = .katakana
        case (UInt8(ascii: "$"), UInt8(ascii: "@")), (UInt8(ascii: "$"), UInt8(ascii: "B")): state = .kanji
        case (UInt8(ascii: "$"), UInt8(ascii: "(")):
            guard index + 3 < octets.count, octets[index + 3] == UInt8(ascii: "D") else { return Decoded.malformed }
            state = .supplement
            index += 1
        default: return Decoded.malformed
        }
        index += 3
        return Decoded.nothing
    }
}
