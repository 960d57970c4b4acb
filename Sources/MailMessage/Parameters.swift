/// One parameter of a structured field, with the place of its value.
public struct Parameter: Sendable, Equatable {
    /// Name in lower case, without RFC 2231 marks.
    public let name: String
    /// Decoded value.
    public let value: String
    /// All bytes of the value in the message, quotes included; of the first piece where RFC 2231 cut it.
    public let valueRange: Range<Int>
    /// From the name to the value's end; of the first piece where RFC 2231 cut it.
    public let range: Range<Int>
    /// The same of its further pieces, and of later parameters of its name.
    public let otherRanges: [Range<Int>]
    /// Whether the value stands in one piece and is written plainly (`name=value`, no `*`).
    public let isPlain: Bool
}

/// Reads `; name=value` lists (RFC 2045 §5.1, RFC 2231) out of a field body, by ranges and leniently.
struct ParameterParser {
    private let message: [UInt8]
    private let end: Int
    private var index: Int

    init(_ message: [UInt8], in range: Range<Int>) {
        self.message = message
        index = range.lowerBound
        end = range.upperBound
    }

    private struct Piece {
        let name: String
        let section: Int?
        let isExtended: Bool
        let raw: [UInt8]
        let valueRange: Range<Int>
        let range: Range<Int>
    }

    /// The first of a name counts.
    /// - Throws: where there are more pieces than `limit`, since what stands behind them would be unknown.
    mutating func parse(limit: Int) throws(MIMELimitExceeded) -> [Parameter] {
        var pieces: [Piece] = []
        while let piece = nextPiece() {
            guard pieces.count < limit else { throw .parameters(limit: limit) }
            pieces.append(piece)
        }
        var seen: Set<String> = []
        var parameters: [Parameter] = []
        for piece in pieces where seen.insert(piece.name).inserted {
            let all = pieces.filter { $0.name == piece.name }
            parameters.append(Self.join(piece, all))
        }
        return parameters
    }

    private static func join(_ first: Piece, _ all: [Piece]) -> Parameter {
        let value: String
        let isPlain = first.section == nil && !first.isExtended
        if first.section == nil {
            // QUIRK (RFC 2047 §5 forbids it): file names are often encoded words; a boundary is compared by its octets.
            value =
                first.isExtended
                ? decodeExtended(first.raw)
                : text(first.name == "boundary" ? first.raw : EncodedWord.decode(first.raw))
        } else {
            // RFC 2231 §3: pieces in the order of their numbers, the charset in piece 0.
            var joined: [UInt8] = []
            var isExtended = false
            var number = 0
            while let piece = all.first(where: { $0.section == number }) {
                if piece.isExtended {
                    isExtended = true
                    joined += piece.raw
                } else {
                    joined += isExtended ? escapePercent(piece.raw) : piece.raw
                }
                number += 1
            }
            value = isExtended ? decodeExtended(joined) : text(joined)
        }
        return Parameter(
            name: first.name, value: value, valueRange: first.valueRange, range: first.range,
            otherRanges: all.dropFirst().map(\.range), isPlain: isPlain)
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func escapePercent(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { $0 == UInt8(ascii: "%") ? Array("%25".utf8) : [$0] }
    }

    /// `charset'language'percent-encoded` (RFC 2231 §4).
    private static func decodeExtended(_ raw: [UInt8]) -> String {
        let fields = raw.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        let encoded = fields.count == 3 ? fields[2] : raw[...]
        var bytes: [UInt8] = []
        var index = encoded.startIndex
        while index < encoded.endIndex {
            if encoded[index] == UInt8(ascii: "%"), index + 2 < encoded.endIndex,
                let high = ASCII.hexValue(encoded[index + 1]), let low = ASCII.hexValue(encoded[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(encoded[index])
                index += 1
            }
        }
        guard fields.count == 3, let charset = Charset(label: String(decoding: fields[0], as: UTF8.self)),
            let decoded = try? charset.decodeToUTF8(bytes)
        else { return text(bytes) }
        return text(decoded)
    }

    private mutating func nextPiece() -> Piece? {
        while index < end {
            skipFiller()
            guard index < end else { return nil }
            guard message[index] == UInt8(ascii: ";") || ASCII.isTokenByte(message[index]) else {
                index += 1
                continue
            }
            if message[index] == UInt8(ascii: ";") {
                index += 1
                continue
            }
            let start = index
            while index < end, ASCII.isTokenByte(message[index]) { index += 1 }
            let name = Self.text(message[start..<index].map(ASCII.lowercased))
            guard !name.hasPrefix("*") else { continue }
            skipFiller()
            guard index < end, message[index] == UInt8(ascii: "=") else { continue }
            index += 1
            skipFiller()
            let valueStart = index
            let raw = takeValue()
            return Self.piece(name, raw, value: valueStart..<index, whole: start..<index)
        }
        return nil
    }

    private static func piece(_ name: String, _ raw: [UInt8], value: Range<Int>, whole: Range<Int>) -> Piece {
        var marks = name.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
        let isExtended = marks.count > 1 && marks.last == ""
        if isExtended { marks.removeLast() }
        let section = marks.count == 2 ? Int(marks[1]) : nil
        return Piece(
            name: marks.first ?? name, section: section, isExtended: isExtended, raw: raw, valueRange: value,
            range: whole)
    }

    /// A quoted string, or everything up to a semicolon or blank. QUIRK (RFC 2045 §5.1): unquoted `=`, `/` and `?` are
    /// common in boundaries and charsets.
    private mutating func takeValue() -> [UInt8] {
        var raw: [UInt8] = []
        guard index < end, message[index] == UInt8(ascii: "\"") else {
            while index < end, message[index] != UInt8(ascii: ";"), !ASCII.isWhiteSpace(message[index]) {
                raw.append(message[index])
                index += 1
            }
            return raw
        }
        index += 1
        while index < end, message[index] != UInt8(ascii: "\"") {
            if message[index] == UInt8(ascii: "\\"), index + 1 < end { index += 1 }
            if message[index] != ASCII.cr, message[index] != ASCII.lf { raw.append(message[index]) }
            index += 1
        }
        if index < end { index += 1 }
        return raw
    }

    /// Where a field body's first word starts.
    static func skippingFiller(_ message: [UInt8], _ body: Range<Int>) -> Int {
        var parser = ParameterParser(message, in: body)
        parser.skipFiller()
        return parser.index
    }

    /// White space and comments (RFC 5322 §3.2.2).
    private mutating func skipFiller() {
        var depth = 0
        while index < end {
            let byte = message[index]
            if byte == UInt8(ascii: "(") {
                depth += 1
            } else if byte == UInt8(ascii: ")"), depth > 0 {
                depth -= 1
            } else if byte == UInt8(ascii: "\\"), depth > 0 {
                index = min(index + 1, end - 1)
            } else if depth == 0, !ASCII.isWhiteSpace(byte) {
                return
            }
            index += 1
        }
    }
}
