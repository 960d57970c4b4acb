/// The named character references of the HTML standard (§13.5).
enum NamedCharacterReferences {
    /// Octets of the longest name with its semicolon.
    static let longestName = 32

    private static let values: [[UInt8]: [UInt8]] = {
        var values: [[UInt8]: [UInt8]] = [:]
        values.reserveCapacity(2_300)
        for entry in table.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x0A }) {
            let pieces = entry.split(separator: UInt8(ascii: ":"))
            guard pieces.count == 2 else { continue }
            var text = ""
            for code in pieces[1].split(separator: UInt8(ascii: ",")) {
                guard let number = UInt32(String(decoding: code, as: UTF8.self), radix: 16),
                    let scalar = Unicode.Scalar(number)
                else { continue }
                text.unicodeScalars.append(scalar)
            }
            values[Array(pieces[0])] = Array(text.utf8)
        }
        return values
    }()

    /// The longest name that `bytes` start with, and its text in UTF-8.
    static func longestMatch(_ bytes: ArraySlice<UInt8>) -> (length: Int, text: [UInt8])? {
        var candidate = Array(bytes.prefix(longestName))
        while !candidate.isEmpty {
            if let text = values[candidate] { return (candidate.count, text) }
            candidate.removeLast()
        }
        return nil
    }
}
