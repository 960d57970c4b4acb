import MailMessage

/// Byte classes and comparisons of the HTML standard; ASCII only, never by locale.
enum HTMLBytes {
    /// ASCII white space; CR counts, for it becomes LF before tokenization.
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D ~= byte && byte != 0x0B) }

    static func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || isLetter(byte)
    }

    /// What ends a tag's name.
    static func endsName(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">")
    }

    /// ASCII lower case.
    static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }

    static func lowercased(_ html: [UInt8], _ range: Range<Int>) -> String {
        String(decoding: html[range].prefix(64).map(lowercased), as: UTF8.self)
    }

    /// Whether `word`, in lower case, stands at `index` in any case.
    static func follows(_ word: StaticString, in html: [UInt8], at index: Int, before limit: Int) -> Bool {
        let count = word.utf8CodeUnitCount
        guard index >= 0, index + count <= limit else { return false }
        return word.withUTF8Buffer { word in
            for offset in 0..<count where lowercased(html[index + offset]) != word[offset] { return false }
            return true
        }
    }

    /// Whether a range spells `word`, in lower case, in any case.
    static func equals(_ html: [UInt8], _ range: Range<Int>, _ word: StaticString) -> Bool {
        range.count == word.utf8CodeUnitCount && follows(word, in: html, at: range.lowerBound, before: range.upperBound)
    }

    /// Whether `<` at `index` is followed by `name` and by what ends a tag's name.
    static func isTag(_ html: [UInt8], at index: Int, _ name: StaticString, before limit: Int) -> Bool {
        let end = index + 1 + name.utf8CodeUnitCount
        return end < limit && follows(name, in: html, at: index + 1, before: limit) && endsName(html[end])
    }
}

/// The elements that mean something for links, raw text or the pixel.
enum HTMLElement: Equatable {
    case a, area, base, basefont, bgsound, body, frameset, head, html, iframe, img, link, math, meta, noembed, noframes,
        noscript
    case plaintext, script, select, style, svg, template, textarea, title, xmp
    case other

    /// The element of a name as it is written.
    static func named(_ html: [UInt8], _ name: Range<Int>) -> HTMLElement {
        // By length and first letter, for most tags of a mail are table cells.
        let (word, element): (StaticString, HTMLElement)
        switch (name.count, html[name.lowerBound] | 0x20) {
        case (1, UInt8(ascii: "a")): return .a
        case (3, UInt8(ascii: "i")): (word, element) = ("img", .img)
        case (3, UInt8(ascii: "s")): (word, element) = ("svg", .svg)
        case (3, UInt8(ascii: "x")): (word, element) = ("xmp", .xmp)
        case (4, UInt8(ascii: "a")): (word, element) = ("area", .area)
        case (4, UInt8(ascii: "b")) where HTMLBytes.equals(html, name, "base"): return .base
        case (4, UInt8(ascii: "b")): (word, element) = ("body", .body)
        case (4, UInt8(ascii: "h")) where HTMLBytes.equals(html, name, "head"): return .head
        case (4, UInt8(ascii: "h")): (word, element) = ("html", .html)
        case (4, UInt8(ascii: "l")): (word, element) = ("link", .link)
        case (4, UInt8(ascii: "m")) where HTMLBytes.equals(html, name, "math"): return .math
        case (4, UInt8(ascii: "m")): (word, element) = ("meta", .meta)
        case (5, UInt8(ascii: "s")): (word, element) = ("style", .style)
        case (5, UInt8(ascii: "t")): (word, element) = ("title", .title)
        case (6, UInt8(ascii: "i")): (word, element) = ("iframe", .iframe)
        case (6, UInt8(ascii: "s")) where HTMLBytes.equals(html, name, "select"): return .select
        case (6, UInt8(ascii: "s")): (word, element) = ("script", .script)
        case (7, UInt8(ascii: "b")): (word, element) = ("bgsound", .bgsound)
        case (7, UInt8(ascii: "n")): (word, element) = ("noembed", .noembed)
        case (8, UInt8(ascii: "b")): (word, element) = ("basefont", .basefont)
        case (8, UInt8(ascii: "n")) where HTMLBytes.equals(html, name, "noframes"): return .noframes
        case (8, UInt8(ascii: "n")): (word, element) = ("noscript", .noscript)
        case (8, UInt8(ascii: "f")): (word, element) = ("frameset", .frameset)
        case (8, UInt8(ascii: "t")) where HTMLBytes.equals(html, name, "template"): return .template
        case (8, UInt8(ascii: "t")): (word, element) = ("textarea", .textarea)
        case (9, UInt8(ascii: "p")): (word, element) = ("plaintext", .plaintext)
        default: return .other
        }
        return HTMLBytes.equals(html, name, word) ? element : .other
    }
}
