import MailMessage

/// A token of the HTML standard's tokenization stage (§13.2.5), by ranges.
public enum HTMLToken: Sendable, Equatable {
    /// A run of characters.
    case text(Range<Int>)
    /// A start tag.
    case startTag(HTMLTag)
    /// An end tag.
    case endTag(HTMLTag)
    /// A comment, bogus ones included: all of it, and its data.
    case comment(Range<Int>, data: Range<Int>)
    /// A DOCTYPE.
    case doctype(Range<Int>)
}

/// What the end of the document cut off.
public enum UnclosedConstruct: Sendable, Equatable {
    /// A comment or CDATA section.
    case comment
    /// A tag, or a `</` that would swallow what is put behind it.
    case tag
    /// An element whose content is text: script, style, title, textarea and their like; or template or select.
    case element

    /// The construct in words.
    public var words: String {
        switch self {
        case .comment: "an unclosed comment"
        case .tag: "an unclosed tag"
        case .element: "an unclosed element"
        }
    }
}

/// The HTML standard's tokenizer over bytes of UTF-8 or another ASCII superset. One pass; nothing is copied.
public struct HTMLTokenizer: Sendable {
    /// The states that tree construction switches to (§13.2.5.1–5).
    public enum Mode: Sendable, Equatable {
        /// Data state.
        case data
        /// RCDATA and RAWTEXT: text up to the end tag of an element with this name.
        case text(until: TextElement)
        /// Script data with its escaped states.
        case script
        /// PLAINTEXT.
        case plaintext
    }

    /// The elements of RCDATA and RAWTEXT.
    public enum TextElement: Sendable, Equatable {
        case title, textarea, style, xmp, iframe, noembed, noframes

        fileprivate var endTag: StaticString {
            switch self {
            case .title: "/title"
            case .textarea: "/textarea"
            case .style: "/style"
            case .xmp: "/xmp"
            case .iframe: "/iframe"
            case .noembed: "/noembed"
            case .noframes: "/noframes"
            }
        }
    }

    private let html: [UInt8]
    private let limit: Int
    private var position: Int
    /// Set by whoever reads start tags.
    public var mode = Mode.data
    /// Whether `<![CDATA[` opens a section: only in foreign content.
    public var allowsCDATA = false
    /// What the end of the document cut off; known once `next()` has returned `nil`.
    public private(set) var unclosed: UnclosedConstruct?

    /// A tokenizer for a range of a document.
    public init(_ html: [UInt8], in range: Range<Int>? = nil) {
        let range = (range ?? html.indices).clamped(to: html.indices)
        self.html = html
        position = range.lowerBound
        limit = range.upperBound
    }

    /// The next token; `nil` at the end.
    public mutating func next() -> HTMLToken? {
        guard position < limit else {
            if mode != .data, unclosed == nil { unclosed = .element }
            return nil
        }
        switch mode {
        case .data: return nextInData()
        case .plaintext: return text(to: limit)
        case .text(let element): return rawText(until: elementEnd(element.endTag))
        case .script: return rawText(until: ScriptData.end(html, position..<limit))
        }
    }

    private mutating func rawText(until end: Int?) -> HTMLToken? {
        guard let end else {
            unclosed = .element
            return text(to: limit)
        }
        mode = .data
        return end > position ? text(to: end) : nextInData()
    }

    private mutating func text(to end: Int) -> HTMLToken {
        let range = position..<end
        position = end
        return .text(range)
    }

    private mutating func nextInData() -> HTMLToken? {
        var search = position
        while let open = ByteSearch.firstIndex(of: UInt8(ascii: "<"), in: html, search..<limit) {
            if startsMarkup(open) {
                if open > position { return text(to: open) }
                return markup()
            }
            search = open + 1
        }
        return text(to: limit)
    }

    /// Tag open state: what makes of `<` more than a character.
    private mutating func startsMarkup(_ open: Int) -> Bool {
        guard open + 1 < limit else { return false }
        let next = html[open + 1]
        if next == UInt8(ascii: "/") {
            if open + 2 == limit { unclosed = .tag }
            return open + 2 < limit
        }
        return HTMLBytes.isLetter(next) || next == UInt8(ascii: "!") || next == UInt8(ascii: "?")
    }

    private mutating func markup() -> HTMLToken? {
        let start = position
        switch html[start + 1] {
        case UInt8(ascii: "!"): return declaration(start)
        case UInt8(ascii: "?"): return bogusComment(start, data: start + 1)
        case UInt8(ascii: "/"):
            if HTMLBytes.isLetter(html[start + 2]) { return tag(start, name: start + 2, isEnd: true) }
            // `</>` is nothing at all; reported as an empty comment, which is nothing too.
            return bogusComment(start, data: start + 2)
        default: return tag(start, name: start + 1, isEnd: false)
        }
    }

    private mutating func bogusComment(_ start: Int, data: Int) -> HTMLToken {
        let close = ByteSearch.firstIndex(of: UInt8(ascii: ">"), in: html, data..<limit)
        if close == nil { unclosed = .comment }
        position = close.map { $0 + 1 } ?? limit
        return .comment(start..<position, data: data..<(close ?? limit))
    }

    /// Markup declaration open state.
    private mutating func declaration(_ start: Int) -> HTMLToken {
        if follows("--", at: start + 2) { return comment(start) }
        if follows("doctype", at: start + 2) {
            let close = ByteSearch.firstIndex(of: UInt8(ascii: ">"), in: html, start..<limit)
            if close == nil { unclosed = .tag }
            position = close.map { $0 + 1 } ?? limit
            return .doctype(start..<position)
        }
        if allowsCDATA, html[(start + 2)..<limit].starts(with: "[CDATA[".utf8) { return characterData(start + 9) }
        return bogusComment(start, data: start + 2)
    }

    private mutating func characterData(_ start: Int) -> HTMLToken {
        var index = start
        while let close = ByteSearch.firstIndex(of: UInt8(ascii: "]"), in: html, index..<limit) {
            if follows("]]>", at: close) {
                position = close + 3
                return .text(start..<close)
            }
            index = close + 1
        }
        unclosed = .comment
        position = limit
        return .text(start..<limit)
    }

    /// Comment states: closed by `-->`, `--!>`, and right at the start by `>` or `->`.
    private mutating func comment(_ start: Int) -> HTMLToken {
        let data = start + 4
        if follows(">", at: data) || follows("->", at: data) {
            position = data + (html[data] == UInt8(ascii: ">") ? 1 : 2)
            return .comment(start..<position, data: data..<data)
        }
        var index = data
        while let dash = ByteSearch.firstIndex(of: UInt8(ascii: "-"), in: html, index..<limit) {
            let isShort = follows("-->", at: dash)
            if isShort || follows("--!>", at: dash) {
                position = dash + (isShort ? 3 : 4)
                return .comment(start..<position, data: data..<dash)
            }
            index = dash + 1
        }
        unclosed = .comment
        position = limit
        return .comment(start..<limit, data: data..<limit)
    }

    /// Tag name state; the attributes are walked over. An end of file inside a tag drops the tag.
    private mutating func tag(_ start: Int, name nameStart: Int, isEnd: Bool) -> HTMLToken? {
        var index = nameStart
        while index < limit, !HTMLBytes.endsName(html[index]) { index += 1 }
        let name = nameStart..<index
        var cursor = AttributeCursor(index: index, limit: limit)
        while true {
            switch cursor.next(in: html) {
            case .attribute: continue
            case .end(let isSelfClosing):
                position = cursor.index
                let tag = HTMLTag(range: start..<position, name: name, isSelfClosing: isSelfClosing)
                return isEnd ? .endTag(tag) : .startTag(tag)
            case .cutOff:
                unclosed = .tag
                position = limit
                return nil
            }
        }
    }

    private func elementEnd(_ endTag: StaticString) -> Int? {
        var index = position
        while let open = ByteSearch.firstIndex(of: UInt8(ascii: "<"), in: html, index..<limit) {
            if HTMLBytes.isTag(html, at: open, endTag, before: limit) { return open }
            index = open + 1
        }
        return nil
    }

    private func follows(_ word: StaticString, at index: Int) -> Bool {
        HTMLBytes.follows(word, in: html, at: index, before: limit)
    }
}
