/// One index of the Encoding Standard (§5): what stands for which character in a legacy encoding.
struct EncodingIndex: Sendable {
    /// Code points by pointer; 0 where there is none.
    let codePoints: [UInt32]

    /// Reads a table: differences from the code point behind the last one, in digits of five bits whose sixth says that
    /// another one follows; an odd number is a difference of half of it, negative where an even one stands, and 0 says
    /// how many pointers without a character follow.
    init(_ digits: some Sequence<UInt8>) {
        var codePoints: [UInt32] = []
        var following: Int32 = 0
        var number: Int32 = 0
        var shift: Int32 = 0
        var isGap = false
        for digit in digits {
            guard let value = Self.value(digit) else { continue }
            number |= Int32(value & 31) << shift
            shift += 5
            guard value < 32 else { continue }
            if isGap {
                codePoints.append(contentsOf: repeatElement(0, count: Int(number)))
                isGap = false
            } else if number == 0 {
                isGap = true
            } else {
                let zigzag = number - 1
                let codePoint = following &+ (zigzag & 1 == 0 ? zigzag >> 1 : -(zigzag >> 1) - 1)
                codePoints.append(UInt32(bitPattern: codePoint))
                following = codePoint &+ 1
            }
            number = 0
            shift = 0
        }
        self.codePoints = codePoints
    }

    private init(_ table: StaticString) {
        self = table.withUTF8Buffer { EncodingIndex($0) }
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The code point at a pointer; `nil` where there is none.
    func codePoint(at pointer: Int) -> UInt32? {
        guard codePoints.indices.contains(pointer), codePoints[pointer] != 0 else { return nil }
        return codePoints[pointer]
    }

    // Read at the first use, which takes a millisecond.
    static let big5 = EncodingIndex(big5Table)
    static let eucKR = EncodingIndex(euckrTable)
    static let gb18030 = EncodingIndex(gb18030Table)
    static let jis0208 = EncodingIndex(jis0208Table)
    static let jis0212 = EncodingIndex(jis0212Table)
}

/// Pointers of an index by code point, for the encoders.
struct EncodingPointers: Sendable {
    /// By code point; 0xFFFF where there is none.
    private let pointers: [UInt16]

    /// - Parameters:
    ///   - excluded: pointers that are read and never written.
    ///   - lasts: code points whose last pointer counts; of all others it is the first.
    private init(_ index: EncodingIndex, excluding excluded: Range<Int> = 0..<0, lasts: Set<UInt32> = []) {
        var pointers = [UInt16](repeating: 0xFFFF, count: Int(index.codePoints.max() ?? 0) + 1)
        for (pointer, codePoint) in index.codePoints.enumerated() where codePoint != 0 && !excluded.contains(pointer) {
            let isFree = pointers[Int(codePoint)] == 0xFFFF
            if isFree || lasts.contains(codePoint) { pointers[Int(codePoint)] = UInt16(truncatingIfNeeded: pointer) }
        }
        self.pointers = pointers
    }

    /// The pointer of a code point; `nil` where the index has none.
    func pointer(of codePoint: UInt32) -> Int? {
        guard Int(codePoint) < pointers.count, pointers[Int(codePoint)] != 0xFFFF else { return nil }
        return Int(pointers[Int(codePoint)])
    }

    static let eucKR = EncodingPointers(.eucKR)
    static let gb18030 = EncodingPointers(.gb18030)
    static let jis0208 = EncodingPointers(.jis0208)
    /// Index Shift_JIS pointer: without the characters of NEC that IBM's rows have too.
    static let shiftJIS = EncodingPointers(.jis0208, excluding: 8272..<8836)
    /// Index Big5 pointer: without Hong Kong's additions, which are read and never written.
    static let big5 = EncodingPointers(
        .big5, excluding: 0..<(0xA1 - 0x81) * 157, lasts: [0x2550, 0x255E, 0x2561, 0x256A, 0x5341, 0x5345])
}
