/// How an attribute's value is written.
public enum Quoting: Sendable, Equatable {
    /// `name="value"`.
    case double
    /// `name='value'`.
    case single
    /// `name=value`.
    case unquoted
    /// `name` alone.
    case noValue
}

/// An attribute by its ranges.
public struct RawAttribute: Sendable, Equatable {
    /// The name as it is written.
    public let name: Range<Int>
    /// The value without its quotes.
    public let value: Range<Int>
    /// How the value is written.
    public let quoting: Quoting
}

/// A tag by its ranges.
public struct HTMLTag: Sendable, Equatable {
    /// From `<` to behind `>`.
    public let range: Range<Int>
    /// The name as it is written.
    public let name: Range<Int>
    /// Attributes in order, duplicates included.
    public let attributes: [RawAttribute]
    /// Whether it ends with `/>`.
    public let isSelfClosing: Bool
}

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
    /// A tag.
    case tag
    /// An element whose content is text: script, style, title, textarea and their like.
    case element
}

/// The HTML standard's tokenizer over bytes of UTF-8 or another ASCII superset. One pass; nothing is copied.
public struct HTMLTokenizer: Sendable {
    /// The states that tree construction switches to (§13.2.5.1–5).
    public enum Mode: Sendable, Equatable {
        /// Data state.
        case data
        /// RCDATA and RAWTEXT: text up to the end tag of this lower-case name.
        case text(until: String)
        /// Script data with its escaped states.
        case script
        /// PLAINTEXT.
        case plaintext
    }

    private let bytes: [UInt8]
    private let limit: Int
    private var position: Int
    /// Set by whoever reads start tags.
    public var mode = Mode.data
    /// Whether `<![CDATA[` opens a section: only in foreign content.
    public var allowsCDATA = false
    /// What the end of the document cut off; known once `next()` has returned `nil`.
    public private(set) var unclosed: UnclosedConstruct?

    /// A tokenizer for a range of a document.
    public init(_ bytes: [UInt8], in range: Range<Int>? = nil) {
        self.bytes = bytes
        position = range?.lowerBound ?? 0
        limit = range?.upperBound ?? bytes.count
    }

    /// The next token; `nil` at the end.
    public mutating func next() -> HTMLToken? {
        guard position < limit else {
            if mode != .data, unclosed == nil { unclosed = .element }
            return nil
        }
        switch mode {
        case .data: return nextInData()
        case .plaintext: return textToken(to: limit)
        case .text(let name): return rawText(until: elementEnd(name, from: position))
        case .script: return rawText(until: ScriptData.end(bytes, position..<limit))
        }
    }

    private mutating func rawText(until end: Int?) -> HTMLToken? {
        guard let end else {
            unclosed = .element
            return textToken(to: limit)
        }
        mode = .data
        return end > position ? textToken(to: end) : nextInData()
    }

    private mutating func textToken(to end: Int) -> HTMLToken {
        let range = position..<end
        position = end
        return .text(range)
    }

    private mutating func nextInData() -> HTMLToken? {
        var search = position
        while let open = bytes[search..<limit].firstIndex(of: UInt8(ascii: "<")) {
            if startsMarkup(open) {
                if open > position { return textToken(to: open) }
                return markup()
            }
            search = open + 1
        }
        return textToken(to: limit)
    }

    /// Tag open state: what makes of `<` more than a character.
    private func startsMarkup(_ open: Int) -> Bool {
        guard open + 1 < limit else { return false }
        let next = bytes[open + 1]
        if next == UInt8(ascii: "/") { return open + 2 < limit }
        return isLetter(next) || next == UInt8(ascii: "!") || next == UInt8(ascii: "?")
    }

    private mutating func markup() -> HTMLToken? {
        let start = position
        switch bytes[start + 1] {
        case UInt8(ascii: "!"): return declaration(start)
        case UInt8(ascii: "?"): return bogusComment(start, data: start + 1)
        case UInt8(ascii: "/"):
            if isLetter(bytes[start + 2]) { return tag(start, name: start + 2, isEnd: true) }
            // `</>` is nothing at all; reported as an empty comment, which is nothing too.
            return bogusComment(start, data: start + 2)
        default: return tag(start, name: start + 1, isEnd: false)
        }
    }

    private mutating func bogusComment(_ start: Int, data: Int) -> HTMLToken {
        let close = bytes[data..<limit].firstIndex(of: UInt8(ascii: ">"))
        if close == nil { unclosed = .comment }
        position = close.map { $0 + 1 } ?? limit
        return .comment(start..<position, data: data..<(close ?? limit))
    }

    /// Markup declaration open state.
    private mutating func declaration(_ start: Int) -> HTMLToken {
        if follows("--", at: start + 2) { return comment(start) }
        if follows("doctype", at: start + 2) {
            guard let close = bytes[start..<limit].firstIndex(of: UInt8(ascii: ">")) else {
                unclosed = .tag
                position = limit
                return .doctype(start..<limit)
            }
            position = close + 1
            return .doctype(start..<position)
        }
        if allowsCDATA, bytes[(start + 2)..<limit].starts(with: "[CDATA[".utf8) {
            var index = start + 9
            while let close = bytes[index..<limit].firstIndex(of: UInt8(ascii: "]")) {
                if follows("]]>", at: close) {
                    position = close + 3
                    return .text((start + 9)..<close)
                }
                index = close + 1
            }
            unclosed = .comment
            position = limit
            return .text((start + 9)..<limit)
        }
        return bogusComment(start, data: start + 2)
    }

    /// Comment states: closed by `-->`, `--!>`, and right at the start by `>` or `->`.
    private mutating func comment(_ start: Int) -> HTMLToken {
        let data = start + 4
        for early in [">", "->"] where follows(early, at: data) {
            position = data + early.utf8.count
            return .comment(start..<position, data: data..<data)
        }
        var index = data
        while let dash = bytes[index..<limit].firstIndex(of: UInt8(ascii: "-")) {
            for end in ["-->", "--!>"] where follows(end, at: dash) {
                position = dash + end.utf8.count
                return .comment(start..<position, data: data..<dash)
            }
            index = dash + 1
        }
        unclosed = .comment
        position = limit
        return .comment(start..<limit, data: data..<limit)
    }

    /// Tag name state and the attribute states. An end of file inside a tag drops the tag.
    private mutating func tag(_ start: Int, name nameStart: Int, isEnd: Bool) -> HTMLToken? {
        var index = nameStart
        while index < limit, !endsName(bytes[index]) { index += 1 }
        let name = nameStart..<index
        var attributes: [RawAttribute] = []
        while index < limit {
            let byte = bytes[index]
            if byte == UInt8(ascii: ">") {
                let isSelfClosing =
                    bytes[index - 1] == UInt8(ascii: "/") && index - 1 >= (attributes.last?.value.upperBound ?? 0)
                position = index + 1
                let tag = HTMLTag(
                    range: start..<position, name: name, attributes: attributes, isSelfClosing: isSelfClosing)
                return isEnd ? .endTag(tag) : .startTag(tag)
            }
            if isSpace(byte) || byte == UInt8(ascii: "/") {
                index += 1
            } else if let attribute = attribute(&index) {
                attributes.append(attribute)
            }
        }
        unclosed = .tag
        position = limit
        return nil
    }

    private func attribute(_ index: inout Int) -> RawAttribute? {
        let start = index
        index += 1
        while index < limit, !endsName(bytes[index]), bytes[index] != UInt8(ascii: "=") { index += 1 }
        let name = start..<index
        var next = index
        while next < limit, isSpace(bytes[next]) { next += 1 }
        guard next < limit, bytes[next] == UInt8(ascii: "=") else {
            return RawAttribute(name: name, value: index..<index, quoting: .noValue)
        }
        index = next + 1
        while index < limit, isSpace(bytes[index]) { index += 1 }
        guard index < limit else { return nil }
        let quote = bytes[index]
        if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
            index += 1
            let valueStart = index
            guard let close = bytes[index..<limit].firstIndex(of: quote) else {
                index = limit
                return nil
            }
            index = close + 1
            return RawAttribute(
                name: name, value: valueStart..<close, quoting: quote == UInt8(ascii: "'") ? .single : .double)
        }
        let valueStart = index
        while index < limit, !isSpace(bytes[index]), bytes[index] != UInt8(ascii: ">") { index += 1 }
        return RawAttribute(name: name, value: valueStart..<index, quoting: .unquoted)
    }

    /// Where `</name` followed by a blank, `/` or `>` starts.
    private func elementEnd(_ name: String, from start: Int) -> Int? {
        var index = start
        while let open = bytes[index..<limit].firstIndex(of: UInt8(ascii: "<")) {
            if ScriptData.isTag(bytes, at: open, "/" + name, limit) { return open }
            index = open + 1
        }
        return nil
    }

    private func follows(_ word: String, at index: Int) -> Bool {
        guard index >= 0, index + word.utf8.count <= limit else { return false }
        return zip(bytes[index...], word.utf8).allSatisfy { $0 == $1 || (isLetter($1) && $0 | 0x20 == $1) }
    }

    private func endsName(_ byte: UInt8) -> Bool {
        isSpace(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">")
    }

    private func isSpace(_ byte: UInt8) -> Bool { HTMLBytes.isSpace(byte) }
    private func isLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 }
}

/// Byte classes of the HTML standard.
enum HTMLBytes {
    /// ASCII white space; CR counts, for it becomes LF before tokenization.
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D ~= byte && byte != 0x0B) }
}

/// Script data with its escaped and double escaped states (§13.2.5.4, .15–.31).
enum ScriptData {
    private enum State { case plain, escaped, doubleEscaped }

    /// Where the end tag starts that closes the script; `nil` when none does.
    static func end(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        var state = State.plain
        var index = range.lowerBound
        let limit = range.upperBound
        while index < limit {
            let byte = bytes[index]
            if byte == UInt8(ascii: "<") {
                if isTag(bytes, at: index, "/script", limit) {
                    if state != .doubleEscaped { return index }
                    state = .escaped
                } else if state == .escaped, isTag(bytes, at: index, "script", limit) {
                    state = .doubleEscaped
                } else if state == .plain, bytes[index..<limit].starts(with: "<!--".utf8) {
                    state = .escaped
                    // `<!-->` and `<!--->` leave again: the dashes count for the end too.
                    index += 2
                    continue
                }
            } else if byte == UInt8(ascii: "-"), state != .plain, bytes[index..<limit].starts(with: "-->".utf8) {
                state = .plain
            }
            index += 1
        }
        return nil
    }

    /// Whether `<` at `index` is followed by `name`, in any case, and by what ends a tag's name.
    static func isTag(_ bytes: [UInt8], at index: Int, _ name: String, _ limit: Int) -> Bool {
        let end = index + 1 + name.utf8.count
        guard end < limit else { return false }
        guard zip(bytes[(index + 1)..<end], name.utf8).allSatisfy({ $0 == $1 || $0 | 0x20 == $1 }) else { return false }
        return HTMLBytes.isSpace(bytes[end]) || bytes[end] == UInt8(ascii: "/") || bytes[end] == UInt8(ascii: ">")
    }
}
