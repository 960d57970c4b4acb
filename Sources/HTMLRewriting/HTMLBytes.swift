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
    case a, area, base, basefont, bgsound, body, head, html, iframe, link, math, meta, noembed, noframes, noscript
    case plaintext, script, select, style, svg, template, textarea, title, xmp
    case other

    /// The element of a name as it is written.
    static func named(_ html: [UInt8], _ name: Range<Int>) -> HTMLElement {
        let first = html[name.lowerBound] | 0x20
        func any(_ candidates: (StaticString, HTMLElement)...) -> HTMLElement {
            for (word, element) in candidates where HTMLBytes.equals(html, name, word) { return element }
            return .other
        }
        // By length and first letter, for most tags of a mail are table cells.
        switch (name.count, first) {
        case (1, UInt8(ascii: "a")): return .a
        case (3, UInt8(ascii: "s")): return any(("svg", .svg))
        case (3, UInt8(ascii: "x")): return any(("xmp", .xmp))
        case (4, UInt8(ascii: "a")): return any(("area", .area))
        case (4, UInt8(ascii: "b")): return any(("body", .body), ("base", .base))
        case (4, UInt8(ascii: "h")): return any(("html", .html), ("head", .head))
        case (4, UInt8(ascii: "l")): return any(("link", .link))
        case (4, UInt8(ascii: "m")): return any(("meta", .meta), ("math", .math))
        case (5, UInt8(ascii: "s")): return any(("style", .style))
        case (5, UInt8(ascii: "t")): return any(("title", .title))
        case (6, UInt8(ascii: "i")): return any(("iframe", .iframe))
        case (6, UInt8(ascii: "s")): return any(("script", .script), ("select", .select))
        case (7, UInt8(ascii: "b")): return any(("bgsound", .bgsound))
        case (7, UInt8(ascii: "n")): return any(("noembed", .noembed))
        case (8, UInt8(ascii: "b")): return any(("basefont", .basefont))
        case (8, UInt8(ascii: "n")): return any(("noscript", .noscript), ("noframes", .noframes))
        case (8, UInt8(ascii: "t")): return any(("textarea", .textarea), ("template", .template))
        case (9, UInt8(ascii: "p")): return any(("plaintext", .plaintext))
        default: return .other
        }
    }

    /// What may stand in front of anything that shows.
    var isMetadata: Bool {
        switch self {
        case .html, .head, .meta, .title, .style, .script, .link, .base, .basefont, .bgsound, .noscript, .template: true
        case .a, .area, .body, .iframe, .math, .noembed, .noframes, .plaintext, .select, .svg, .textarea, .xmp, .other:
            false
        }
    }
}
