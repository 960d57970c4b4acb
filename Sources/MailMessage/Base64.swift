/// Base64 of RFC 4648 §4 and §5 and of RFC 2045 §6.8.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let invalid: UInt8 = 0xFF

    /// Sextet by byte.
    private static let standardValues = table(of: [alphabet])
    /// Sextet by byte, both alphabets.
    private static let values = table(of: [alphabet, urlAlphabet])

    private static func table(of alphabets: [[UInt8]]) -> [UInt8] {
        var table = [UInt8](repeating: invalid, count: 256)
        for alphabet in alphabets {
            for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        }
        return table
    }

    static func isAlphabetByte(_ byte: UInt8) -> Bool {
        values[Int(byte)] != invalid || byte == UInt8(ascii: "=")
    }

    /// What was read past.
    public struct Defects: Sendable, Equatable {
        /// Octets outside the alphabet, white space aside.
        public var foreignOctets = 0
        /// Padding is missing or the last group is short.
        public var isTruncated = false
        /// A group of one character, which is no octet.
        public var isCut = false
        /// Data follow padding, which is "evidence that the end of the data has been reached" (RFC 2045 §6.8): another
        /// block, or text that somebody put behind it.
        public var hasDataBehindPadding = false

        /// Whether readers disagree on what is meant. They agree on white space and on missing padding at the end.
        public var isDoubtful: Bool { foreignOctets > 0 || isCut || hasDataBehindPadding }
    }

    /// Which octets count.
    public enum Alphabet: Sendable {
        /// That of MIME; `-` and `_` are foreign octets.
        case standard
        /// Both that of MIME and the URL-safe one.
        case any

        fileprivate var table: [UInt8] { self == .standard ? Base64.standardValues : Base64.values }
    }

    /// Decodes a body as the most lenient reader does: white space and foreign octets are skipped, and what stands behind
    /// padding is read on. Whoever writes the bytes again looks at the defects first.
    public static func decode(
        _ message: [UInt8], in range: Range<Int>, alphabet: Alphabet = .standard
    ) -> (bytes: [UInt8], defects: Defects) {
        let range = range.clamped(to: message.indices)
        var decoder = Decoder()
        let table = alphabet.table
        let bytes = ByteSearch.array(capacity: range.count / 4 * 3 + 3, from: message) { source, output in
            table.withUnsafeBufferPointer { decoder.run(source, range, $0, &output) }
        }
        return (bytes, decoder.defects)
    }

    private struct Decoder {
        var defects = Defects()
        private var group: UInt32 = 0
        private var sextets = 0
        private var isPadded = false

        mutating func run(
            _ source: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ table: UnsafeBufferPointer<UInt8>,
            _ output: inout UnsafeMutablePointer<UInt8>
        ) {
            var index = range.lowerBound
            while index < range.upperBound {
                if sextets == 0, !isPadded {
                    wholeGroups(source, &index, range.upperBound, table, &output)
                    guard index < range.upperBound else { break }
                }
                octet(source[index], table, &output)
                index += 1
            }
            guard sextets > 0 else { return }
            defects.isTruncated = true
            if sextets == 1 { defects.isCut = true }
            appendRest(&output)
        }

        /// Four octets of the alphabet at a time, as long as there are such.
        private func wholeGroups(
            _ source: UnsafeBufferPointer<UInt8>, _ index: inout Int, _ end: Int, _ table: UnsafeBufferPointer<UInt8>,
            _ output: inout UnsafeMutablePointer<UInt8>
        ) {
            while index + 4 <= end {
                let first = table[Int(source[index])]
                let second = table[Int(source[index + 1])]
                let third = table[Int(source[index + 2])]
                let fourth = table[Int(source[index + 3])]
                guard (first | second | third | fourth) & 0xC0 == 0 else { return }
                output[0] = first << 2 | second >> 4
                output[1] = second << 4 | third >> 2
                output[2] = third << 6 | fourth
                output += 3
                index += 4
            }
        }

        private mutating func octet(
            _ byte: UInt8, _ table: UnsafeBufferPointer<UInt8>, _ output: inout UnsafeMutablePointer<UInt8>
        ) {
            let value = table[Int(byte)]
            if value != Base64.invalid {
                if isPadded { defects.hasDataBehindPadding = true }
                group = group << 6 | UInt32(value)
                sextets += 1
                guard sextets == 4 else { return }
                output[0] = UInt8(truncatingIfNeeded: group >> 16)
                output[1] = UInt8(truncatingIfNeeded: group >> 8)
                output[2] = UInt8(truncatingIfNeeded: group)
                output += 3
                sextets = 0
            } else if byte == UInt8(ascii: "=") {
                appendRest(&output)
                if sextets == 1 { (defects.isTruncated, defects.isCut) = (true, true) }
                sextets = 0
                isPadded = true
            } else if !ASCII.isWhiteSpace(byte) {
                defects.foreignOctets += 1
            }
        }

        private func appendRest(_ output: inout UnsafeMutablePointer<UInt8>) {
            guard sextets > 1 else { return }
            // The group's octets from the left; what does not fill one is dropped.
            let bits = group << UInt32(6 * (4 - sextets))
            output[0] = UInt8(truncatingIfNeeded: bits >> 16)
            output += 1
            guard sextets > 2 else { return }
            output[0] = UInt8(truncatingIfNeeded: bits >> 8)
            output += 1
        }
    }

    /// Whether a body holds these bytes and nothing else: what the alphabet's characters of a range are, but for the last
    /// group, is what an encoder makes of the bytes. It shares nothing with ``decode(_:in:alphabet:)``.
    public static func holds(_ bytes: [UInt8], in message: [UInt8], _ range: Range<Int>) -> Bool {
        let expected = encode(bytes, alphabet, padded: false)
        let last = expected.count / 4 * 4
        let range = range.clamped(to: message.indices)
        return message.withUnsafeBytes { message in
            expected.withUnsafeBytes { expected in
                func word(_ octets: UnsafeRawBufferPointer, _ place: Int) -> UInt64 {
                    octets.loadUnaligned(fromByteOffset: place, as: UInt64.self)
                }
                var index = range.lowerBound
                var place = 0
                var isPadded = false
                while index < range.upperBound {
                    // What equals the encoder's is neither white space nor padding.
                    while !isPadded, place + 8 <= last, index + 8 <= range.upperBound,
                        word(message, index) == word(expected, place)
                    {
                        index += 8
                        place += 8
                    }
                    guard index < range.upperBound else { break }
                    let octet = message[index]
                    index += 1
                    if ASCII.isWhiteSpace(octet) { continue }
                    if octet == UInt8(ascii: "=") {
                        isPadded = true
                        continue
                    }
                    // The bits behind the last octet may be anything.
                    guard !isPadded, place < expected.count, place >= last || octet == expected[place] else {
                        return false
                    }
                    place += 1
                }
                return place == expected.count
            }
        }
    }

    /// Encodes with padding, in CRLF lines of `lineLength` characters or in one line.
    public static func encode(_ bytes: [UInt8], lineLength: Int? = 76) -> [UInt8] {
        let text = encode(bytes, alphabet, padded: true)
        guard let lineLength, lineLength > 0 else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / lineLength * 2 + 2)
        for start in stride(from: 0, to: text.count, by: lineLength) {
            result.append(contentsOf: text[start..<min(start + lineLength, text.count)])
            result.append(ASCII.cr)
            result.append(ASCII.lf)
        }
        return result
    }

    /// Encodes in the URL-safe alphabet without padding (RFC 4648 §5).
    public static func encodeURL(_ bytes: [UInt8]) -> [UInt8] { encode(bytes, urlAlphabet, padded: false) }

    private static func encode(_ bytes: [UInt8], _ alphabet: [UInt8], padded: Bool) -> [UInt8] {
        ByteSearch.array(capacity: (bytes.count + 2) / 3 * 4, from: bytes) { source, output in
            alphabet.withUnsafeBufferPointer { alphabet in
                var index = 0
                while index + 3 <= source.count {
                    let group = Int(source[index]) << 16 | Int(source[index + 1]) << 8 | Int(source[index + 2])
                    output[0] = alphabet[group >> 18]
                    output[1] = alphabet[group >> 12 & 63]
                    output[2] = alphabet[group >> 6 & 63]
                    output[3] = alphabet[group & 63]
                    output += 4
                    index += 3
                }
                if index < source.count {
                    let count = source.count - index
                    var group = UInt32(source[index]) << 16
                    if count > 1 { group |= UInt32(source[index + 1]) << 8 }
                    if count > 2 { group |= UInt32(source[index + 2]) }
                    for position in 0..<4 where position <= count || padded {
                        let digit = alphabet[Int(group >> UInt32(18 - 6 * position)) & 63]
                        output.pointee = position <= count ? digit : UInt8(ascii: "=")
                        output += 1
                    }
                }
            }
        }
    }

    /// Decodes the URL-safe alphabet strictly: one text for each value, `nil` for any other.
    public static func decodeURL(_ text: [UInt8]) -> [UInt8]? {
        let table = values
        let isURLSafe = text.withUnsafeBufferPointer { text in
            text.allSatisfy { table[Int($0)] != invalid && $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") }
        }
        guard isURLSafe else { return nil }
        let bytes = decode(text, in: text.indices, alphabet: .any).bytes
        // Unused trailing bits must be zero, or two texts would open as one token.
        return encodeURL(bytes) == text ? bytes : nil
    }
}
