import MailMessage

/// Whether a document shows anything, and whether a frameset may still take its place (HTML §13.2.6.4.7).
struct VisibleContent {
    /// Whether there is text, or an element that shows without any.
    private(set) var isThere = false
    /// The standard's frameset-ok flag, as far as the body's elements go.
    private(set) var allowsFrameset = true

    private static let shown: Set<String> = [
        "audio", "button", "canvas", "embed", "hr", "input", "meter", "object", "progress", "video",
    ]
    /// Start tags that set the flag to "not ok", beside those that ``HTMLElement`` names.
    private static let blocking: Set<String> = [
        "applet", "br", "button", "dd", "dt", "embed", "hr", "image", "input", "keygen", "li", "listing", "marquee",
        "object", "pre", "table", "wbr",
    ]

    /// Whether nothing more can be learnt.
    var isSettled: Bool { isThere && !allowsFrameset }

    /// A run of characters that is no raw text.
    mutating func text(_ html: [UInt8], _ run: Range<Int>) {
        guard !isSettled else { return }
        if allowsFrameset, !html[run].allSatisfy({ HTMLBytes.isSpace($0) || $0 == 0 }) { allowsFrameset = false }
        if !isThere, Self.isVisible(html, run) { isThere = true }
    }

    /// References to blanks and marks without width are what empty templates hold.
    private static func isVisible(_ html: [UInt8], _ run: Range<Int>) -> Bool {
        // A NUL is ignored in a body (HTML §13.2.6.4.7).
        let piece = html[run.lowerBound..<min(run.upperBound, run.lowerBound + 4_096)].filter { $0 != 0 }
        let text = String(
            decoding: CharacterReferences.decode(piece, piece.indices, inAttribute: false), as: UTF8.self)
        return text.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator: false
            // Combining grapheme joiner, braille blank, Hangul fillers: preheaders are padded with them.
            default: ![0x34F, 0x2800, 0x115F, 0x1160, 0x3164, 0xFFFC].contains(scalar.value)
            }
        }
    }

    /// A start tag of HTML.
    mutating func startTag(_ element: HTMLElement, _ tag: HTMLTag, in html: [UInt8]) {
        guard !isSettled else { return }
        switch element {
        case .body: allowsFrameset = false
        case .img, .iframe, .select, .textarea:
            allowsFrameset = false
            isThere = true
        case .area, .xmp: allowsFrameset = false
        case .svg, .math: isThere = true
        case .other:
            let name = HTMLBytes.lowercased(html, tag.name)
            if Self.blocking.contains(name), name != "input" || !Self.isHidden(tag, html) { allowsFrameset = false }
            if Self.shown.contains(name) { isThere = true }
        default: break
        }
    }

    private static func isHidden(_ tag: HTMLTag, _ html: [UInt8]) -> Bool {
        tag.attributes(in: html).first { $0.isNamed("type", in: html) }.map {
            HTMLBytes.equals(html, $0.value, "hidden")
        } ?? false
    }
}
