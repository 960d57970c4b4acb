/// How far a URL in plain text reaches: the characters of RFC 3986, and those beyond ASCII that RFC 3987 lets in.
struct PlainTextRun {
    private enum Kind {
        /// Part of a URL for every program.
        case part
        /// Ends it for every program.
        case end
        /// Part for some, the end for others.
        case unclear
        /// Ends it behind the last letter, else is part of it for some: quotes, dashes.
        case mark
    }

    /// Behind the last octet that any program takes.
    let end: Int
    /// Whether all programs take the same.
    let isCertain: Bool

    /// Follows a URL from behind its `//`.
    /// - Parameter isBracketed: whether `<>` say where it ends: script and punctuation do not matter then.
    init(_ text: [UInt8], from start: Int, isBracketed: Bool = false) {
        var index = start
        var isCertain = true
        // Where marks started that a letter has not followed yet.
        var marks: Int?
        scan: while index < text.count {
            let (kind, length) = Self.kind(text, at: index, isBracketed)
            switch kind {
            case .end: break scan
            case .part:
                if marks != nil { isCertain = false }
                marks = nil
            case .unclear:
                isCertain = false
                marks = nil
            case .mark: marks = marks ?? index
            }
            index += length
        }
        end = marks ?? index
        self.isCertain = isCertain
    }

    private static func kind(_ text: [UInt8], at index: Int, _ isBracketed: Bool) -> (Kind, Int) {
        let byte = text[index]
        guard byte >= 0x80 else { return (ascii(byte), 1) }
        guard let (scalar, length) = scalar(text, at: index) else { return (.unclear, 1) }
        let kind = kind(scalar)
        return (isBracketed && kind != .end ? .part : kind, length)
    }

    private static func ascii(_ byte: UInt8) -> Kind {
        switch byte {
        case 0...0x20, 0x7F, UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"): .end
        // Code in Markdown ends so.
        case UInt8(ascii: "`"): .mark
        case UInt8(ascii: "\\"), UInt8(ascii: "^"), UInt8(ascii: "|"): .unclear
        default: .part
        }
    }

    private static func kind(_ scalar: Unicode.Scalar) -> Kind {
        switch scalar.value {
        // CJK and full-width punctuation ends a sentence, and the address in it.
        case 0x3000...0x3004, 0x3008...0x3020, 0x3030, 0x303D, 0xFF01...0xFF0F, 0xFF1A...0xFF20, 0xFF3B...0xFF40,
            0xFF5B...0xFF65, 0xFE10...0xFE1F, 0xFE30...0xFE6F:
            return .end
        // Scripts that put no blank between words: text may follow the address directly.
        case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x1100...0x11FF, 0x2E80...0x2FFF, 0x3005...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7FF, 0xF900...0xFAFF, 0xFF00...0xFFEF, 0x1B000...0x1B16F, 0x20000...0x3FFFF:
            return .unclear
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
            .spacingMark, .decimalNumber, .letterNumber:
            return .part
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: return .end
        case .initialPunctuation, .finalPunctuation, .openPunctuation, .closePunctuation, .dashPunctuation,
            .connectorPunctuation, .otherPunctuation:
            return .mark
        default: return .unclear
        }
    }

    /// The character at an index; `nil` where there is none in UTF-8.
    private static func scalar(_ text: [UInt8], at index: Int) -> (Unicode.Scalar, Int)? {
        var decoder = UTF8()
        var octets = text[index..<min(text.count, index + 4)].makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&octets) else { return nil }
        return (scalar, UTF8.width(scalar))
    }
}
