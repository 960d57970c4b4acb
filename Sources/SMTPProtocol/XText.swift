/// The encoding of parameter values (RFC 3461 §4): `+` and two upper-case hexadecimal digits stand for an octet.
enum XText {
    /// The octets it stands for; `nil` for what is no xtext.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = text.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "+") else {
                guard 0x21...0x7E ~= byte, byte != UInt8(ascii: "=") else { return nil }
                result.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            result.append(high << 4 | low)
        }
        return result
    }

    /// Whether what was encoded holds no control character, which could end a line once it is decoded.
    static func isPrintable(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
