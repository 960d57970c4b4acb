/// Base64 of RFC 4648 §4 and §5 and of RFC 2045 §6.8.
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let invalid: UInt8 = 0xFF

    /// Sextet by byte, both alphabets.
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: invalid, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        for (value, byte) in urlAlphabet.enumerated() { table[Int(byte)] = UInt8(value) }
        return table
    }()

    static func isAlphabetByte(_ byte: UInt8) -> Bool {
        values[Int(byte)] != invalid || byte == UInt8(ascii: "=")
    }

    /// What was read past.
    public struct Defects: Sendable, Equatable {
        /// Octets outside the alphabet, white space aside.
        public var foreignOctets = 0
        /// Padding is missing or the last group is short.
        public var isTruncated = false
    }

    /// Decodes a body: white space and foreign octets are skipped (RFC 2045 §6.8), padding ends it, both alphabets count.
    public static func decode(_ message: [UInt8], in range: Range<Int>) -> (bytes: [UInt8], defects: Defects) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count / 4 * 3 + 3)
        var defects = Defects()
        var group: UInt32 = 0
        var sextets = 0
        let table = values
        scan: for byte in message[range] {
            let value = table[Int(byte)]
            if value != invalid {
                group = group << 6 | UInt32(value)
                sextets += 1
                if sextets == 4 {
                    bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                    bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                    bytes.append(UInt8(truncatingIfNeeded: group))
                    sextets = 0
                    group = 0
                }
            } else if byte == UInt8(ascii: "=") {
                // QUIRK: concatenated base64 blocks go on behind their padding (RFC 2045 §6.8 has the end there).
                appendRest(group, sextets, to: &bytes)
                if sextets == 1 { defects.isTruncated = true }
                sextets = 0
                group = 0
            } else if !ASCII.isWhiteSpace(byte) {
                defects.foreignOctets += 1
            }
        }
        if sextets > 0 {
            defects.isTruncated = true
            appendRest(group, sextets, to: &bytes)
        }
        return (bytes, defects)
    }

    private static func appendRest(_ group: UInt32, _ sextets: Int, to bytes: inout [UInt8]) {
        switch sextets {
        case 2: bytes.append(UInt8(truncatingIfNeeded: group >> 4))
        case 3:
            bytes.append(UInt8(truncatingIfNeeded: group >> 10))
            bytes.append(UInt8(truncatingIfNeeded: group >> 2))
        default: break
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
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var group = UInt32(bytes[index]) << 16
            if count > 1 { group |= UInt32(bytes[index + 1]) << 8 }
            if count > 2 { group |= UInt32(bytes[index + 2]) }
            for position in 0..<4 {
                if position <= count {
                    result.append(alphabet[Int(group >> UInt32(18 - 6 * position)) & 63])
                } else if padded {
                    result.append(UInt8(ascii: "="))
                }
            }
            index += count
        }
        return result
    }

    /// Decodes the URL-safe alphabet strictly: one text for each value, `nil` for any other.
    public static func decodeURL(_ text: [UInt8]) -> [UInt8]? {
        for byte in text where values[Int(byte)] == invalid || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") {
            return nil
        }
        let bytes = decode(text, in: text.indices).bytes
        // Unused trailing bits must be zero, or two texts would open as one token.
        return encodeURL(bytes) == text ? bytes : nil
    }
}
