/// Drives the tokenizer with as much of tree construction as links and the pixel need.
struct HTMLScanner {
    private struct OpenLink {
        let value: RawAttribute
        let attributes: [HTMLAttribute]
        let url: [UInt8]
        let textStart: Int
        let order: Int
    }

    private let html: [UInt8]
    private let range: Range<Int>
    private let inConditionalComment: Bool
    private var tokenizer: HTMLTokenizer
    private var foreign = ForeignContent()
    private var openLink: OpenLink?
    private var found: [HTMLLink?] = []
    private(set) var charsetDeclarations: [Range<Int>] = []
    private(set) var pixel: PixelPlaces
    /// Still in front of anything that shows.
    private var isBeforeContent = true

    var links: [HTMLLink] { found.compactMap { $0 } }

    init(_ html: [UInt8], in range: Range<Int>, inConditionalComment: Bool) {
        self.html = html
        self.range = range
        self.inConditionalComment = inConditionalComment
        tokenizer = HTMLTokenizer(html, in: range)
        pixel = PixelPlaces(end: range.upperBound)
        if html[range].starts(with: [0xEF, 0xBB, 0xBF]) { pixel.top = range.lowerBound + 3 }
    }

    mutating func run() {
        while let token = tokenizer.next() {
            switch token {
            case .text(let run): noteText(run)
            case .doctype(let doctype): if isBeforeContent { pixel.top = doctype.upperBound }
            case .comment(let whole, let data): comment(whole, data)
            case .startTag(let tag): startTag(tag)
            case .endTag(let tag): endTag(tag)
            }
            tokenizer.allowsCDATA = foreign.isForeign
        }
        closeLink(at: range.upperBound)
        pixel.unclosed = tokenizer.unclosed
    }

    private mutating func noteText(_ run: Range<Int>) {
        guard isBeforeContent, !inHead, !html[run].allSatisfy({ HTMLBytes.isSpace($0) || $0 >= 0x80 }) else { return }
        isBeforeContent = false
    }

    private var inHead = false

    // MARK: Tags

    private mutating func startTag(_ tag: HTMLTag) {
        let name = lowercased(tag.name)
        if foreign.startTag(name, tag, html) {
            if name == "a" { link(.a, tag) }
            isBeforeContent = false
            return
        }
        switch name {
        case "a": link(.a, tag)
        case "area": link(.area, tag)
        case "meta": meta(tag)
        case "html": if isBeforeContent { pixel.top = tag.range.upperBound }
        case "head": inHead = isBeforeContent
        case "body":
            if pixel.afterBodyStart == nil { pixel.afterBodyStart = tag.range.upperBound }
        case "title", "textarea", "style", "xmp", "iframe", "noembed", "noframes": tokenizer.mode = .text(until: name)
        case "script": tokenizer.mode = .script
        case "plaintext": tokenizer.mode = .plaintext
        default: if name.utf8.contains(UInt8(ascii: ":")), inConditionalComment { link(.vml, tag) }
        }
        if !Self.headNames.contains(name) {
            isBeforeContent = false
            inHead = false
        }
    }

    private static let headNames: Set<String> = [
        "html", "head", "meta", "title", "style", "script", "link", "base", "basefont", "bgsound", "noscript",
        "template",
    ]

    private mutating func endTag(_ tag: HTMLTag) {
        let name = lowercased(tag.name)
        if foreign.endTag(name) { return }
        switch name {
        case "a": closeLink(at: tag.range.lowerBound)
        case "head":
            if isBeforeContent { pixel.top = tag.range.upperBound }
            inHead = false
        case "body": pixel.beforeBodyEnd = tag.range.lowerBound
        case "html": pixel.beforeHTMLEnd = tag.range.lowerBound
        default: break
        }
    }

    // MARK: Links

    private mutating func link(_ element: HTMLLink.Element, _ tag: HTMLTag) {
        if element == .a { closeLink(at: tag.range.lowerBound) }
        guard let href = tag.attributes.first(where: { isName($0, "href") }) else { return }
        let attributes = self.attributes(of: tag)
        let url = Self.requested(CharacterReferences.decode(html[href.value], inAttribute: true))
        if element == .a {
            openLink = OpenLink(
                value: href, attributes: attributes, url: url, textStart: tag.range.upperBound, order: found.count)
            found.append(nil)
        } else {
            found.append(
                HTMLLink(
                    element: element, value: href.value, quoting: href.quoting, url: url, attributes: attributes,
                    text: nil, inConditionalComment: inConditionalComment))
        }
    }

    private mutating func closeLink(at end: Int) {
        guard let open = openLink else { return }
        openLink = nil
        found[open.order] = HTMLLink(
            element: .a, value: open.value.value, quoting: open.value.quoting, url: open.url,
            attributes: open.attributes, text: open.textStart..<max(open.textStart, end),
            inConditionalComment: inConditionalComment)
    }

    private func attributes(of tag: HTMLTag) -> [HTMLAttribute] {
        var seen: [HTMLAttribute] = []
        for attribute in tag.attributes.prefix(64) {
            let name = lowercased(attribute.name)
            guard !seen.contains(where: { $0.name == name }) else { continue }
            let value = CharacterReferences.decode(html[attribute.value], inAttribute: true)
            seen.append(HTMLAttribute(name: name, value: value))
        }
        return seen
    }

    /// WHATWG URL: C0 controls and spaces at both ends go, tabs and line ends everywhere.
    private static func requested(_ value: [UInt8]) -> [UInt8] {
        var rest = value[...]
        while let first = rest.first, first <= 0x20 { rest.removeFirst() }
        while let last = rest.last, last <= 0x20 { rest.removeLast() }
        return rest.filter { $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
    }

    // MARK: Comments

    private mutating func comment(_ whole: Range<Int>, _ data: Range<Int>) {
        if whole.lowerBound == pixel.top, html[data].starts(with: "?xml".utf8) {
            if let label = Self.value(of: "encoding", in: html, data) { charsetDeclarations.append(label) }
            pixel.top = whole.upperBound
        }
        // Downlevel-hidden conditional comment: Outlook reads what is inside as HTML.
        guard !inConditionalComment, html[data].starts(with: "[if".utf8, by: { $0 | 0x20 == $1 | 0x20 }),
            let bracket = html[data].firstIndex(of: UInt8(ascii: "]")), bracket + 1 < data.upperBound,
            html[bracket + 1] == UInt8(ascii: ">")
        else { return }
        var inner = HTMLScanner(html, in: (bracket + 2)..<data.upperBound, inConditionalComment: true)
        inner.run()
        found.append(contentsOf: inner.found)
    }

    // MARK: Charset declarations

    private mutating func meta(_ tag: HTMLTag) {
        if let charset = tag.attributes.first(where: { isName($0, "charset") }) {
            charsetDeclarations.append(Self.trimmed(html, charset.value))
        } else if let equivalent = tag.attributes.first(where: { isName($0, "http-equiv") }),
            lowercased(equivalent.value) == "content-type",
            let content = tag.attributes.first(where: { isName($0, "content") }),
            let label = Self.value(of: "charset", in: html, content.value)
        {
            charsetDeclarations.append(label)
        }
    }

    /// The value behind `name=` in a string, quoted or not.
    private static func value(of name: String, in html: [UInt8], _ range: Range<Int>) -> Range<Int>? {
        let word = Array(name.utf8)
        var index = range.lowerBound
        while index + word.count < range.upperBound {
            defer { index += 1 }
            guard zip(html[index...], word).allSatisfy({ $0 | 0x20 == $1 }) else { continue }
            var next = index + word.count
            while next < range.upperBound, HTMLBytes.isSpace(html[next]) { next += 1 }
            guard next < range.upperBound, html[next] == UInt8(ascii: "=") else { continue }
            next += 1
            while next < range.upperBound, HTMLBytes.isSpace(html[next]) { next += 1 }
            guard next < range.upperBound else { return nil }
            let quote = html[next]
            if quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
                guard let close = html[(next + 1)..<range.upperBound].firstIndex(of: quote) else { return nil }
                return trimmed(html, (next + 1)..<close)
            }
            let end = html[next..<range.upperBound].firstIndex { HTMLBytes.isSpace($0) || $0 == UInt8(ascii: ";") }
            return next..<(end ?? range.upperBound)
        }
        return nil
    }

    private static func trimmed(_ html: [UInt8], _ range: Range<Int>) -> Range<Int> {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high, HTMLBytes.isSpace(html[low]) { low += 1 }
        while high > low, HTMLBytes.isSpace(html[high - 1]) { high -= 1 }
        return low..<high
    }

    // MARK: Names

    private func isName(_ attribute: RawAttribute, _ name: String) -> Bool {
        attribute.name.count == name.utf8.count
            && zip(html[attribute.name], name.utf8).allSatisfy { HTMLBytes.lowercased($0) == $1 }
    }

    private func lowercased(_ range: Range<Int>) -> String {
        String(decoding: html[range].prefix(64).map(HTMLBytes.lowercased), as: UTF8.self)
    }
}

extension HTMLBytes {
    /// ASCII lower case.
    static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
