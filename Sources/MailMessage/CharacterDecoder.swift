/// What ``CharacterDecoder/next(_:_:)`` found: one code point or two (`first | second << 21`), or one of the marks here.
enum Decoded {
    /// The octets are not in the encoding, or end inside a character.
    static let malformed: UInt32 = .max
    /// Octets that stand for no character.
    static let nothing: UInt32 = .max - 1

    /// The two code points that Big5 has one code for.
    static func pair(_ first: UInt32, _ second: UInt32) -> UInt32 { first | second << 21 }
}

/// Reads an encoding character by character (Encoding Standard §4.1), strictly.
protocol CharacterDecoder {
    /// Whether an octet below 0x80 in front of a character always means itself.
    static var hasPlainASCII: Bool { get }
    /// Reads what starts at `index`, which is in `octets`, and moves `index` behind it.
    mutating func next(_ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt32
    /// What leads from the start of a text to the state it is in; empty where there is only one.
    var designation: [UInt8] { get }
}

extension CharacterDecoder {
    static var hasPlainASCII: Bool { true }
    var designation: [UInt8] { [] }
}

/// Whole texts through a decoder.
enum Transcoder {
    /// A text as UTF-8.
    /// - Throws: ``CharsetError/undecodable(offset:)``
    static func decode(
        _ octets: [UInt8], from start: Int = 0, _ decoder: some CharacterDecoder
    ) throws(CharsetError) -> [UInt8] {
        var defect: Int?
        // No octet becomes more than three, and they are written eight at a time.
        let text = ByteSearch.array(capacity: octets.count * 3 + 8, from: octets) { source, output in
            defect = run(source, from: start, decoder, &output)
        }
        if let defect { throw .undecodable(offset: defect) }
        return text
    }

    private static func run<Decoder: CharacterDecoder>(
        _ source: UnsafeBufferPointer<UInt8>, from start: Int, _ decoder: Decoder,
        _ output: inout UnsafeMutablePointer<UInt8>
    ) -> Int? {
        var decoder = decoder
        var index = start
        while index < source.count {
            if Decoder.hasPlainASCII, source[index] < 0x80 {
                copyASCII(source, &index, &output)
                continue
            }
            let position = index
            let found = decoder.next(source, &index)
            if found == Decoded.malformed { return position }
            if found == Decoded.nothing { continue }
            write(found & 0x1F_FFFF, &output)
            if found >> 21 != 0 { write(found >> 21, &output) }
        }
        return nil
    }

    @inline(__always)
    private static func copyASCII(
        _ source: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ output: inout UnsafeMutablePointer<UInt8>
    ) {
        guard let base = source.baseAddress else { return }
        while index + 8 <= source.count {
            let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
            UnsafeMutableRawPointer(output).storeBytes(of: word, as: UInt64.self)
            let high = word.littleEndian & 0x8080_8080_8080_8080
            guard high == 0 else {
                let count = high.trailingZeroBitCount / 8
                index += count
                output += count
                return
            }
            index += 8
            output += 8
        }
        while index < source.count, source[index] < 0x80 {
            output.pointee = source[index]
            output += 1
            index += 1
        }
    }

    @inline(__always)
    private static func write(_ codePoint: UInt32, _ output: inout UnsafeMutablePointer<UInt8>) {
        if codePoint < 0x80 {
            output[0] = UInt8(truncatingIfNeeded: codePoint)
            output += 1
            return
        }
        let count = octets(of: codePoint)
        var rest = codePoint
        for place in stride(from: count - 1, to: 0, by: -1) {
            output[place] = UInt8(truncatingIfNeeded: 0x80 | rest & 0x3F)
            rest >>= 6
        }
        let lead: UInt32 = count == 2 ? 0xC0 : count == 3 ? 0xE0 : 0xF0
        output[0] = UInt8(truncatingIfNeeded: lead | rest)
        output += count
    }

    /// Octets of a code point in UTF-8.
    static func octets(of codePoint: UInt32) -> Int {
        codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x1_0000 ? 3 : 4
    }
}
