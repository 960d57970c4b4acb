/// Reads one flat JSON object (RFC 8259) of strings, numbers and literals: all that a trace field may hold.
///
/// Not a JSON library's work: the value is hostile, at most 12 KiB, flat, and the reader must say where it stopped.
struct TraceJSON {
    enum Value: Equatable {
        case string(String)
        /// A number or `true`/`false`, as it was written.
        case literal(String)
        case null
    }

    struct Stop: Error { let offset: Int }

    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func object() throws(Stop) -> [(name: String, value: Value)] {
        // QUIRK: a byte order mark in front, from encoders that write one (RFC 8259 §8.1 lets a reader skip it).
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        try expect(UInt8(ascii: "{"))
        var members: [(name: String, value: Value)] = []
        skipBlanks()
        if peek() == UInt8(ascii: "}") {
            index += 1
        } else {
            while true {
                let name = try string()
                try expect(UInt8(ascii: ":"))
                members.append((name, try value()))
                skipBlanks()
                guard peek() == UInt8(ascii: ",") else {
                    try expect(UInt8(ascii: "}"))
                    break
                }
                index += 1
            }
        }
        skipBlanks()
        // QUIRK: NULs behind the object, from C programs that encode the terminator too.
        while peek() == 0 { index += 1 }
        guard index == bytes.count else { throw Stop(offset: index) }
        return members
    }

    private func peek() -> UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipBlanks() {
        while let byte = peek(), [0x20, 0x09, 0x0A, 0x0D].contains(byte) { index += 1 }
    }

    private mutating func expect(_ byte: UInt8) throws(Stop) {
        skipBlanks()
        guard peek() == byte else { throw Stop(offset: index) }
        index += 1
    }

    private mutating func value() throws(Stop) -> Value {
        skipBlanks()
        if peek() == UInt8(ascii: "\"") { return .string(try string()) }
        let start = index
        while let byte = peek(), byte > 0x20, byte < 0x7F, byte != UInt8(ascii: ","), byte != UInt8(ascii: "}") {
            guard byte != UInt8(ascii: "{"), byte != UInt8(ascii: "[") else { throw Stop(offset: index) }
            index += 1
        }
        let word = String(decoding: bytes[start..<index], as: UTF8.self)
        guard !word.isEmpty, ["true", "false", "null"].contains(word) || Double(word) != nil else {
            throw Stop(offset: start)
        }
        return word == "null" ? .null : .literal(word)
    }

    private mutating func string() throws(Stop) -> String {
        try expect(UInt8(ascii: "\""))
        let start = index
        var units: [UInt8] = []
        while let byte = peek() {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: units, as: UTF8.self) else { throw Stop(offset: start) }
                return text
            case UInt8(ascii: "\\"): try escape(into: &units)
            case 0..<0x20: throw Stop(offset: index - 1)
            default: units.append(byte)
            }
        }
        throw Stop(offset: index)
    }

    private mutating func escape(into units: inout [UInt8]) throws(Stop) {
        guard let byte = peek() else { throw Stop(offset: index) }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
        case UInt8(ascii: "b"): units.append(0x08)
        case UInt8(ascii: "f"): units.append(0x0C)
        case UInt8(ascii: "n"): units.append(0x0A)
        case UInt8(ascii: "r"): units.append(0x0D)
        case UInt8(ascii: "t"): units.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if 0xD800..<0xDC00 ~= code {
                try expect(UInt8(ascii: "\\"))
                try expect(UInt8(ascii: "u"))
                let low = try hexadecimal()
                guard 0xDC00..<0xE000 ~= low else { throw Stop(offset: index) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw Stop(offset: index) }
            units.append(contentsOf: String(Character(scalar)).utf8)
        default: throw Stop(offset: index - 1)
        }
    }

    private mutating func hexadecimal() throws(Stop) -> UInt32 {
        guard index + 4 <= bytes.count,
            bytes[index..<index + 4].allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let code = UInt32(String(decoding: bytes[index..<index + 4], as: UTF8.self), radix: 16)
        else { throw Stop(offset: index) }
        index += 4
        return code
    }
}
