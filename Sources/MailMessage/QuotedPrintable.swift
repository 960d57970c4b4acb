import Glibc

/// Quoted-printable (RFC 2045 §6.7).
public enum QuotedPrintable {
    /// Longest encoded line without its CRLF (RFC 2045 §6.7 rule 5).
    public static let maximumLineLength = 76

    /// Decodes leniently: lower-case digits, bare LF line ends, blanks at line ends dropped, a `=` that starts nothing kept.
    /// - Returns: the bytes, and how many `=` started nothing.
    public static func decode(_ message: [UInt8], in range: Range<Int>) -> (bytes: [UInt8], strayEquals: Int) {
        var stray = 0
        let range = range.clamped(to: message.indices)
        // Decoding never makes anything longer.
        let bytes = ByteSearch.array(capacity: range.count, from: message) { source, output in
            guard let base = source.baseAddress else { return }
            var decoder = Decoder(next: base + range.lowerBound, end: base + range.upperBound)
            decoder.run(&output)
            stray = decoder.stray
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

    private struct Decoder {
        var next: UnsafePointer<UInt8>
        let end: UnsafePointer<UInt8>
        var stray = 0

        mutating func run(_ output: inout UnsafeMutablePointer<UInt8>) {
            Self.values.withUnsafeBufferPointer { run($0, &output) }
        }

        private mutating func run(
            _ values: UnsafeBufferPointer<Int16>, _ output: inout UnsafeMutablePointer<UInt8>
        ) {
            while next < end {
                let lineFeed = memchr(next, 0x0A, end - next)?.assumingMemoryBound(to: UInt8.self)
                let lineEnd = lineFeed.map { UnsafePointer($0) } ?? end
                line(upTo: lineEnd, hasEnd: lineFeed != nil, values, &output)
                next = lineFeed == nil ? end : lineEnd + 1
            }
        }

        private mutating func line(
            upTo lineFeed: UnsafePointer<UInt8>, hasEnd: Bool, _ values: UnsafeBufferPointer<Int16>,
            _ output: inout UnsafeMutablePointer<UInt8>
        ) {
            let hasReturn = hasEnd && lineFeed > next && lineFeed[-1] == ASCII.cr
            var last = hasReturn ? lineFeed - 1 : lineFeed
            while last > next, ASCII.isBlank(last[-1]) { last -= 1 }
            while next < last {
                guard let found = memchr(next, 0x3D, last - next) else {
                    copy(upTo: last, &output)
                    break
                }
                let equals = UnsafePointer(found.assumingMemoryBound(to: UInt8.self))
                copy(upTo: equals, &output)
                // A soft break: the line goes on.
                if equals + 1 == last { return }
                let pair = last - equals > 2 ? values[Int(equals[1])] << 4 | values[Int(equals[2])] : -1
                if pair >= 0 {
                    output.pointee = UInt8(truncatingIfNeeded: pair)
                    next = equals + 3
                } else {
                    stray += 1
                    output.pointee = UInt8(ascii: "=")
                    next = equals + 1
                }
                output += 1
            }
            next = hasReturn ? lineFeed - 1 : lineFeed
            copy(upTo: hasEnd ? lineFeed + 1 : lineFeed, &output)
        }

        private mutating func copy(upTo stop: UnsafePointer<UInt8>, _ output: inout UnsafeMutablePointer<UInt8>) {
            let count = stop - next
            output.update(from: next, count: count)
            output += count
            next = stop
        }

        /// Value of a hexadecimal digit; a negative number, whatever it is combined with, for any other octet.
        private static let values: [Int16] = (0..<256).map {
            ASCII.hexValue(UInt8($0)).map(Int16.init) ?? Int16(bitPattern: 0xF800)
        }
    }

    private struct Encoder {
        /// How an octet may stand in the output.
        private enum Class: UInt8 {
            /// As itself, but perhaps at a line's start.
            case safe
            /// As itself, but not at a line's end.
            case blank
            /// A line end, or the first half of one.
            case lineEnd
            /// As `=XX`.
            case escaped
        }

        private static let classes: [UInt8] = (0..<256).map { value in
            switch UInt8(value) {
            case ASCII.cr, ASCII.lf: Class.lineEnd.rawValue
            case ASCII.space, ASCII.tab: Class.blank.rawValue
            case UInt8(ascii: "="), 0..<0x20, 0x7F...0xFF: Class.escaped.rawValue
            default: Class.safe.rawValue
            }
        }
        private static let digits = Array("0123456789ABCDEF".utf8)
        /// Characters on a line that goes on: the last place is for `=`.
        private static let room = QuotedPrintable.maximumLineLength - 1

        let text: UnsafeBufferPointer<UInt8>
        /// Characters on the current output line.
        private var column = 0

        init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

        /// Octets that are surely enough: each octet as `=XX` where it has to be, each line end two, a soft break after
        /// at least 64 characters, and on each line three more for what only stands for itself elsewhere.
        static func bound(_ text: [UInt8]) -> Int {
            var escapes = 0
            var lines = 1
            text.withUnsafeBufferPointer { text in
                // Counted in small blocks, so that the compiler does it with vectors of octets.
                var start = 0
                while start < text.count {
                    let end = min(start + 128, text.count)
                    var (inBlock, linesInBlock): (UInt8, UInt8) = (0, 0)
                    for byte in text[start..<end] {
                        inBlock &+= byte &- 0x21 > 0x5D || byte == 0x3D ? 1 : 0
                        linesInBlock &+= byte == ASCII.lf ? 1 : 0
                    }
                    escapes += Int(inBlock)
                    lines += Int(linesInBlock)
                    start = end
                }
            }
            let plain = text.count + 2 * escapes + 2 * lines
            return plain + (plain / 64 + 1) * 12 + 16
        }

        mutating func run(_ output: inout UnsafeMutablePointer<UInt8>) {
            var index = 0
            Self.classes.withUnsafeBufferPointer { classes in
                while index < text.count {
                    switch classes[Int(text[index])] {
                    case Class.safe.rawValue where column > 0:
                        index = run(of: classes, from: index, &output)
                    case Class.lineEnd.rawValue where isLineEnd(index):
                        index += text[index] == ASCII.cr ? 2 : 1
                        hardBreak(&output)
                    default: index = character(at: index, &output)
                    }
                }
            }
        }

        /// Copies octets that stand for themselves, as far as the line reaches.
        private mutating func run(
            of classes: UnsafeBufferPointer<UInt8>, from start: Int, _ output: inout UnsafeMutablePointer<UInt8>
        ) -> Int {
            if column == Self.room { softBreak(&output) }
            guard column > 0 else { return character(at: start, &output) }
            let limit = min(text.count, start + Self.room - column)
            var end = start
            while end < limit {
                let kind = classes[Int(text[end])]
                if kind == Class.safe.rawValue {
                    output.pointee = text[end]
                } else if kind == Class.blank.rawValue, end + 1 < text.count,
                    classes[Int(text[end + 1])] != Class.lineEnd.rawValue
                {
                    output.pointee = text[end]
                } else {
                    break
                }
                output += 1
                end += 1
            }
            column += end - start
            return end > start ? end : character(at: start, &output)
        }

        private func isLineEnd(_ index: Int) -> Bool {
            text[index] == ASCII.lf || index + 1 < text.count && text[index + 1] == ASCII.lf
        }

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

        private mutating func escape(_ octet: UInt8, _ output: inout UnsafeMutablePointer<UInt8>) {
            output[0] = UInt8(ascii: "=")
            output[1] = Self.digits[Int(octet >> 4)]
            output[2] = Self.digits[Int(octet & 15)]
            output += 3
            column += 3
        }

        private func isLiteral(_ index: Int) -> Bool {
            let byte = text[index]
            if ASCII.isBlank(byte) {
                guard index + 1 < text.count else { return false }
                let next = text[index + 1]
                return next != ASCII.lf && next != ASCII.cr
            }
            guard Self.classes[Int(byte)] == Class.safe.rawValue else { return false }
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
