/// The single-byte encodings of the Encoding Standard (§9).
enum SingleByteIndexes {
    /// Code points of 0x80 to 0xFF by the encoding's name; 0 where there is none.
    static let all: [String: [UInt32]] = {
        var digits: [String: [UInt8]] = [:]
        var name = ""
        for line in table.split(separator: "\n") {
            if line.last == ":" {
                name = String(line.dropLast())
            } else {
                digits[name, default: []] += line.utf8
            }
        }
        return digits.mapValues { digits in
            let codePoints = EncodingIndex(digits).codePoints
            return codePoints + repeatElement(0, count: max(0, 128 - codePoints.count))
        }
    }()
}
