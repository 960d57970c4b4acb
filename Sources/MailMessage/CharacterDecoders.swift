/// Single-byte decoder (Encoding Standard §9.1).
struct SingleByteDecoder: CharacterDecoder {
    let codePoints: [UInt32]

    func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        let octet = octets[index]
        index += 1
        guard octet >= 0x80 else { return UInt32(octet) }
        let codePoint = codePoints[Int(octet & 0x7F)]
        return codePoint == 0 ? Decoded.malformed : codePoint
    }
}

/// Big5, EUC-KR, Shift_JIS and what else has one octet or two (Encoding Standard §11.1, §12.3, §13.1).
struct TwoByteDecoder: CharacterDecoder {
    enum Kind { case big5, eucKR, shiftJIS }

    let kind: Kind
    let codePoints: [UInt32]

    init(_ kind: Kind) {
        self.kind = kind
        codePoints =
            switch kind {
            case .big5: EncodingIndex.big5.codePoints
            case .eucKR: EncodingIndex.eucKR.codePoints
            case .shiftJIS: EncodingIndex.jis0208.codePoints
            }
    }

    func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        let lead = octets[index]
        if lead < 0x80 || kind == .shiftJIS && (lead == 0x80 || 0xA1...0xDF ~= lead) {
            index += 1
            return lead <= 0x80 ? UInt32(lead) : 0xFF61 - 0xA1 + UInt32(lead)
        }
        guard index + 1 < octets.count, let pointer = pointer(lead, octets[index + 1]) else { return Decoded.malformed }
        index += 2
        if kind == .shiftJIS, 8836...10_715 ~= pointer { return 0xE000 - 8836 + UInt32(pointer) }
        if kind == .big5, 1133...1166 ~= pointer, let pair = Self.pair(pointer) { return pair }
        guard pointer < codePoints.count, codePoints[pointer] != 0 else { return Decoded.malformed }
        return codePoints[pointer]
    }

    private func pointer(_ lead: UInt8, _ trail: UInt8) -> Int? {
        let (row, column) = (Int(lead), Int(trail))
        switch kind {
        case .big5:
            guard 0x81...0xFE ~= lead, 0x40...0x7E ~= trail || 0xA1...0xFE ~= trail else { return nil }
            return (row - 0x81) * 157 + column - (trail < 0x7F ? 0x40 : 0x62)
        case .eucKR:
            guard 0x81...0xFE ~= lead, 0x41...0xFE ~= trail else { return nil }
            return (row - 0x81) * 190 + column - 0x41
        case .shiftJIS:
            guard 0x81...0x9F ~= lead || 0xE0...0xFC ~= lead, 0x40...0x7E ~= trail || 0x80...0xFC ~= trail else {
                return nil
            }
            return (row - (lead < 0xA0 ? 0x81 : 0xC1)) * 188 + column - (trail < 0x7F ? 0x40 : 0x41)
        }
    }

    private static func pair(_ pointer: Int) -> UInt32? {
        switch pointer {
        case 1133: Decoded.pair(0xCA, 0x304)
        case 1135: Decoded.pair(0xCA, 0x30C)
        case 1164: Decoded.pair(0xEA, 0x304)
        case 1166: Decoded.pair(0xEA, 0x30C)
        default: nil
        }
    }
}

/// gb18030 and GBK (Encoding Standard §10.2.1).
struct GB18030Decoder: CharacterDecoder {
    let codePoints = EncodingIndex.gb18030.codePoints

    func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        let lead = octets[index]
        if lead <= 0x80 {
            index += 1
            return lead < 0x80 ? UInt32(lead) : 0x20AC
        }
        guard lead != 0xFF, index + 1 < octets.count else { return Decoded.malformed }
        let trail = octets[index + 1]
        if 0x30...0x39 ~= trail {
            guard index + 3 < octets.count, 0x81...0xFE ~= octets[index + 2], 0x30...0x39 ~= octets[index + 3] else {
                return Decoded.malformed
            }
            let high = Int(lead - 0x81) * 10 + Int(trail - 0x30)
            let low = Int(octets[index + 2] - 0x81) * 10 + Int(octets[index + 3] - 0x30)
            index += 4
            return GB18030Ranges.codePoint(at: high * 1260 + low) ?? Decoded.malformed
        }
        guard 0x40...0x7E ~= trail || 0x80...0xFE ~= trail else { return Decoded.malformed }
        let pointer = Int(lead - 0x81) * 190 + Int(trail) - (trail < 0x7F ? 0x40 : 0x41)
        index += 2
        guard pointer < codePoints.count, codePoints[pointer] != 0 else { return Decoded.malformed }
        return codePoints[pointer]
    }
}

/// UTF-16 (Encoding Standard §14.2).
struct UTF16Decoder: CharacterDecoder {
    static let hasPlainASCII = false

    let isBigEndian: Bool

    func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32 {
        guard let unit = unit(octets, index) else { return Decoded.malformed }
        index += 2
        guard unit & 0xF800 == 0xD800 else { return unit }
        guard unit < 0xDC00, let second = self.unit(octets, index), second & 0xFC00 == 0xDC00 else {
            return Decoded.malformed
        }
        index += 2
        return 0x1_0000 + (unit & 0x3FF) << 10 + second & 0x3FF
    }

    private func unit(_ octets: UnsafeBufferPointer<UInt8>, _ index: Int) -> UInt32? {
        guard index + 1 < octets.count else { return nil }
        let (first, second) = (UInt32(octets[index]), UInt32(octets[index + 1]))
        return isBigEndian ? first << 8 | second : second << 8 | first
    }
}
