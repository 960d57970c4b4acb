/// Quoted-printable (RFC 2045 §6.7).
public enum QuotedPrintable {
    private static let digits = Array("0123456789ABCDEF".utf8)
    /// Longest encoded line without its CRLF (RFC 2045 §6.7 rule 5).
    public static let maximumLineLength = 76

    /// Decodes leniently: lower-case digits, bare LF line ends, blanks at line ends dropped, a `=` that starts nothing kept.
    /// - Returns: the bytes, and how many `=` started nothing.
    public static func decode(_ message: [UInt8], in range: Range<Int>) -> (bytes: [UInt8], strayEquals: Int) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        var stray = 0
        var position = range.lowerBound
        while position < range.upperBound {
            let line = Line(at: position, in: message, before: range.upperBound)
            var end = line.content.upperBound
            while end > position, ASCII.isBlank(message[end - 1]) { end -= 1 }
            var isSoft = false
            var index = position
            while index < end {
                guard let equals = message[index..<end].firstIndex(of: UInt8(ascii: "=")) else {
                    bytes.append(contentsOf: message[index..<end])
                    break
                }
                bytes.append(contentsOf: message[index..<equals])
                if equals + 1 == end {
                    isSoft = true
                    break
                }
                if equals + 2 < end, let high = ASCII.hexValue(message[equals + 1]),
                    let low = ASCII.hexValue(message[equals + 2])
                {
                    bytes.append(high << 4 | low)
                    index = equals + 3
                } else {
                    stray += 1
                    bytes.append(UInt8(ascii: "="))
                    index = equals + 1
                }
            }
            if !isSoft { bytes.append(contentsOf: message[line.content.upperBound..<line.end]) }
            position = line.end
        }
        return (bytes, stray)
    }

    /// Encodes text: lines of at most 76 characters, CRLF where the text has CRLF or LF, soft breaks never inside `=XX`
    /// or one UTF-8 character. Blanks at a line's end, a lone CR, `.` and `From ` at a line's start and a `--` that
    /// could pass for a boundary are encoded.
    public static func encode(_ text: [UInt8]) -> [UInt8] {
        var encoder = Encoder(text)
        return encoder.run()
    }

    private struct Encoder {
        let text: [UInt8]
        var output: [UInt8] = []
        /// Characters on the current output line.
        var column = 0

        init(_ text: [UInt8]) {
            self.text = text
            output.reserveCapacity(text.count + text.count / 8 + 16)
        }

        mutating func run() -> [UInt8] {
            var index = 0
            while index < text.count {
                let byte = text[index]
                if byte == ASCII.lf {
                    hardBreak()
                    index += 1
                } else if byte == ASCII.cr, index + 1 < text.count, text[index + 1] == ASCII.lf {
                    hardBreak()
                    index += 2
                } else {
                    index = character(at: index)
                }
            }
            return output
        }

        private mutating func hardBreak() {
            output.append(ASCII.cr)
            output.append(ASCII.lf)
            column = 0
        }

        /// One character, or a run of safe ones.
        private mutating func character(at index: Int) -> Int {
            let byte = text[index]
            if column > 0, Self.isSafe(byte) {
                var end = index + 1
                let limit = min(text.count, index + QuotedPrintable.maximumLineLength - 1 - column)
                while end < limit, Self.isSafe(text[end]) { end += 1 }
                if end <= limit, column + (end - index) < QuotedPrintable.maximumLineLength {
                    output.append(contentsOf: text[index..<end])
                    column += end - index
                    return end
                }
            }
            let length = scalarLength(at: index)
            let literal = length == 1 && isLiteral(index)
            let width = literal ? 1 : 3 * length
            if column + width > QuotedPrintable.maximumLineLength - 1 { softBreak() }
            // The break may have put the character at a line's start, where other rules hold.
            if literal, column > 0 || isLiteral(index) {
                output.append(byte)
                column += 1
            } else {
                for octet in text[index..<index + length] { escape(octet) }
            }
            return index + length
        }

        private mutating func softBreak() {
            output.append(UInt8(ascii: "="))
            hardBreak()
        }

        private mutating func escape(_ octet: UInt8) {
            output.append(UInt8(ascii: "="))
            output.append(QuotedPrintable.digits[Int(octet >> 4)])
            output.append(QuotedPrintable.digits[Int(octet & 15)])
            column += 3
        }

        /// Stands for itself anywhere but, perhaps, at a line's start.
        private static func isSafe(_ byte: UInt8) -> Bool {
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "=")
        }

        private func isLiteral(_ index: Int) -> Bool {
            let byte = text[index]
            if ASCII.isBlank(byte) {
                guard index + 1 < text.count else { return false }
                let next = text[index + 1]
                return next != ASCII.lf && next != ASCII.cr
            }
            guard Self.isSafe(byte) else { return false }
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
