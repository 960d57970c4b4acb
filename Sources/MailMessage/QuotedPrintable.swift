/// Quoted-printable (RFC 2045 §6.7).
public enum QuotedPrintable {
    /// Longest encoded line without its CRLF (RFC 2045 §6.7 rule 5).
    public static let maximumLineLength = 76

    /// Decodes leniently: lower-case digits, bare LF line ends, blanks at line ends dropped, a `=` that starts nothing kept.
    /// - Returns: the bytes, and how many `=` started nothing.
    public static func decode(_ message: [UInt8], in range: Range<Int>) -> (bytes: [UInt8], strayEquals: Int) {
        var stray = 0
        let range = range.clamped(to: message.indices)
        // Decoding never makes anything longer; octets are written eight at a time.
        let bytes = ByteSearch.array(capacity: range.count + 8, from: message) { source, output in
            guard let base = source.baseAddress else { return }
            Self.hexadecimal.withUnsafeBufferPointer { digits in
                var decoder = Decoder(
                    next: base + range.lowerBound, end: base + range.upperBound, digits: digits)
                decoder.run(&output)
                stray = decoder.stray
            }
        }
        return (bytes, stray)
    }

    /// Encodes text: lines of at most 76 characters, CRLF where the text has CRLF or LF, soft breaks never inside `=XX`
    /// or one UTF-8 character. Blanks at a line's end, a lone CR, `.` and `From ` at a line's start and a `--` that
    /// could pass for a boundary are encoded.
    public static func encode(_ text: [UInt8]) -> [UInt8] {
        ByteSearch.array(capacity: Encoder.bound(text), from: text) { source, output in
            var encoder = Encoder(text: source)
            encoder.run(&output)
        }
    }

    /// Value of a hexadecimal digit; for any other octet a number that stays negative whatever it is combined with.
    private static let hexadecimal: [Int16] = (0..<256).map { ASCII.hexValue(UInt8($0)).map(Int16.init) ?? -0x800 }

    private struct Decoder {
        var next: UnsafePointer<UInt8>
        let end: UnsafePointer<UInt8>
        let digits: UnsafeBufferPointer<Int16>
        var stray = 0

        mutating func run(_ output: inout UnsafeMutablePointer<UInt8>) {
            // Blanks from here on that a line end follows are no content (RFC 2045 §6.7 rule 3).
            var floor = output
            while next < end {
                copyLiterals(&output)
                guard next < end else { break }
                if next.pointee == ASCII.lf {
                    let hasReturn = output > floor && output[-1] == ASCII.cr
                    if hasReturn { output -= 1 }
                    Self.dropBlanks(&output, floor)
                    if hasReturn {
                        output.pointee = ASCII.cr
                        output += 1
                    }
                    output.pointee = ASCII.lf
                    output += 1
                    next += 1
                } else {
                    equals(&output)
                }
                floor = output
            }
            Self.dropBlanks(&output, floor)
        }

        private static func dropBlanks(
            _ output: inout UnsafeMutablePointer<UInt8>, _ floor: UnsafeMutablePointer<UInt8>
        ) {
            while output > floor, ASCII.isBlank(output[-1]) { output -= 1 }
        }

        /// Everything up to the next `=` or LF, eight octets at a time while there are as many.
        @inline(__always)
        private mutating func copyLiterals(_ output: inout UnsafeMutablePointer<UInt8>) {
            // Copies that live in registers.
            var (from, to) = (next, output)
            defer { (next, output) = (from, to) }
            while end - from >= 8 {
                let word = UnsafeRawPointer(from).loadUnaligned(as: UInt64.self)
                UnsafeMutableRawPointer(to).storeBytes(of: word, as: UInt64.self)
                let flags = OctetWord.flags(word.littleEndian, equalTo: 0x3D, or: 0x0A)
                if flags != 0 {
                    let count = flags.trailingZeroBitCount / 8
                    from += count
                    to += count
                    return
                }
                from += 8
                to += 8
            }
            while from < end, from.pointee != 0x3D, from.pointee != ASCII.lf {
                to.pointee = from.pointee
                to += 1
                from += 1
            }
        }

        /// A soft break, an encoded octet, or a `=` that starts nothing.
        @inline(__always)
        private mutating func equals(_ output: inout UnsafeMutablePointer<UInt8>) {
            if end - next > 2 {
                let value = digits[Int(next[1])] << 4 | digits[Int(next[2])]
                if value >= 0 {
                    output.pointee = UInt8(truncatingIfNeeded: value)
                    output += 1
                    next += 3
                    return
                }
            }
            softBreakOrStray(&output)
        }

        private mutating func softBreakOrStray(_ output: inout UnsafeMutablePointer<UInt8>) {
            var rest = next + 1
            while rest < end, ASCII.isBlank(rest.pointee) { rest += 1 }
            if rest + 1 < end, rest.pointee == ASCII.cr, rest[1] == ASCII.lf { rest += 1 }
            if rest == end || rest.pointee == ASCII.lf {
                next = min(rest + 1, end)
                return
            }
            stray += 1
            output.pointee = UInt8(ascii: "=")
            output += 1
            next += 1
        }
    }

    private struct Encoder {
        /// Characters on a line that goes on: the last place is for `=`.
        private static let room = QuotedPrintable.maximumLineLength - 1

        let text: UnsafeBufferPointer<UInt8>
        /// Characters on the current output line.
        private var column = 0

        init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

        /// Octets that are surely enough: at most three for each octet; a soft break, three, comes at the earliest after 64;
        /// and octets are written eight at a time. What is not written is not touched, and costs no memory.
        static func bound(_ text: [UInt8]) -> Int {
            let plain = 3 * text.count
            return plain + (plain / 64 + 1) * 3 + 8
        }

        mutating func run(_ output: inout UnsafeMutablePointer<UInt8>) {
            var index = 0
            while index < text.count {
                if column > 0 { index = literals(from: index, &output) }
                guard index < text.count else { break }
                let byte = text[index]
                if byte == UInt8(ascii: "="), column > 0, column + 3 <= Self.room {
                    escape(byte, &output)
                    index += 1
                } else if ASCII.isLineEnd(byte), isLineEnd(index) {
                    index += byte == ASCII.cr ? 2 : 1
                    hardBreak(&output)
                } else {
                    index = character(at: index, &output)
                }
            }
        }

        /// Copies octets that stand for themselves as far as the line reaches, eight at a time while there are as many.
        @inline(__always)
        private mutating func literals(from start: Int, _ output: inout UnsafeMutablePointer<UInt8>) -> Int {
            guard let base = text.baseAddress else { return start }
            let limit = min(text.count, start + Self.room - column)
            var index = start
            var isOver = false
            // A copy that lives in a register.
            let target = output - start
            while !isOver, index < limit, index + 8 <= text.count {
                let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
                UnsafeMutableRawPointer(target + index).storeBytes(of: word, as: UInt64.self)
                let flags = OctetWord.flagsOfOthers(word.littleEndian)
                isOver = flags != 0
                index = min(limit, index + (isOver ? flags.trailingZeroBitCount / 8 : 8))
            }
            while !isOver, index < limit, OctetWord.isLiteral(base[index]) {
                target[index] = base[index]
                index += 1
            }
            // Blanks in front of a line end are not for here.
            if index == text.count || ASCII.isLineEnd(base[index]) {
                while index > start, base[index - 1] == ASCII.space { index -= 1 }
            }
            output += index - start
            column += index - start
            return index
        }

        private func isLineEnd(_ index: Int) -> Bool {
            text[index] == ASCII.lf
                || text[index] == ASCII.cr && index + 1 < text.count && text[index + 1] == ASCII.lf
        }

        @inline(__always)
        private mutating func hardBreak(_ output: inout UnsafeMutablePointer<UInt8>) {
            output[0] = ASCII.cr
            output[1] = ASCII.lf
            output += 2
            column = 0
        }

        private mutating func softBreak(_ output: inout UnsafeMutablePointer<UInt8>) {
            output.pointee = UInt8(ascii: "=")
            output += 1
            hardBreak(&output)
        }

        private mutating func character(at index: Int, _ output: inout UnsafeMutablePointer<UInt8>) -> Int {
            let length = scalarLength(at: index)
            let literal = length == 1 && isLiteral(index)
            let width = literal ? 1 : 3 * length
            if column + width > Self.room { softBreak(&output) }
            // The break may have put the character at a line's start, where other rules hold.
            if literal, column > 0 || isLiteral(index) {
                output.pointee = text[index]
                output += 1
                column += 1
            } else {
                for octet in text[index..<index + length] { escape(octet, &output) }
            }
            return index + length
        }

        @inline(__always)
        private mutating func escape(_ octet: UInt8, _ output: inout UnsafeMutablePointer<UInt8>) {
            output[0] = UInt8(ascii: "=")
            output[1] = Self.digit(octet >> 4)
            output[2] = Self.digit(octet & 15)
            output += 3
            column += 3
        }

        private static func digit(_ value: UInt8) -> UInt8 { value + (value < 10 ? UInt8(ascii: "0") : 55) }

        private func isLiteral(_ index: Int) -> Bool {
            let byte = text[index]
            if ASCII.isBlank(byte) {
                guard index + 1 < text.count else { return false }
                return !ASCII.isLineEnd(text[index + 1])
            }
            guard OctetWord.isLiteral(byte) else { return false }
            guard column == 0 else { return true }
            if byte == UInt8(ascii: ".") { return false }
            if byte == UInt8(ascii: "-") { return !follows("--", at: index) }
            return byte != UInt8(ascii: "F") || !follows("From ", at: index)
        }

        private func follows(_ word: String, at index: Int) -> Bool { text[index...].starts(with: word.utf8) }

        /// Octets of the UTF-8 character at `index`; 1 for anything malformed.
        private func scalarLength(at index: Int) -> Int {
            let length =
                switch text[index] {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            guard length > 1, index + length <= text.count,
                text[(index + 1)..<(index + length)].allSatisfy({ $0 & 0xC0 == 0x80 })
            else { return 1 }
            return length
        }
    }
}

/// Eight octets at a time, by arithmetic on words. A flag, the top bit of an octet, may be wrong only behind a right one, so
/// that the first one is always right.
private enum OctetWord {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let tops: UInt64 = 0x8080_8080_8080_8080

    static func flags(_ word: UInt64, equalTo byte: UInt8) -> UInt64 {
        let difference = word ^ (ones &* UInt64(byte))
        return (difference &- ones) & ~difference & tops
    }

    @inline(__always)
    static func flags(_ word: UInt64, equalTo one: UInt8, or other: UInt8) -> UInt64 {
        flags(word, equalTo: one) | flags(word, equalTo: other)
    }

    /// Printable ASCII and the space, but not `=`.
    static func isLiteral(_ byte: UInt8) -> Bool { 0x20...0x7E ~= byte && byte != UInt8(ascii: "=") }

    /// Octets that are not literal.
    static func flagsOfOthers(_ word: UInt64) -> UInt64 {
        let below = (word &- (ones &* 0x20)) & ~word
        let above = (word &+ ones) | word
        return ((below | above) & tops) | flags(word, equalTo: 0x3D)
    }
}
