import MailMessage

/// Drives the tokenizer with as much of tree construction as links and the pixel need.
struct HTMLScanner {
    private struct OpenLink {
        let value: RawAttribute
        let attributes: [RawAttribute]
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
    private var metaDeclarations: [Range<Int>] = []
    private var xmlDeclaration: Range<Int>?
    private(set) var pixel: PixelPlaces
    private(set) var images = 0
    /// Still in front of anything that shows.
    private var isBeforeContent = true
    private var inHead = false
    /// Whether only Outlook reads on: between `<![if …]>` and `<![endif]>`.
    private var inRevealedComment = false
    /// Elements that swallow an image put into them.
    private var openTemplates = 0
    private var inSelect = false

    var charsetDeclarations: [Range<Int>] { metaDeclarations + (xmlDeclaration.map { [$0] } ?? []) }
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
            case .text(let run): if isBeforeContent { noteText(run) }
            // What never ends swallows what is put behind it.
            case .doctype(let doctype):
                if isBeforeContent, !swallowsImages, tokenizer.unclosed == nil { pixel.top = doctype.upperBound }
            case .comment(let whole, let data): comment(whole, data)
            case .startTag(let tag): startTag(tag)
            case .endTag(let tag): endTag(tag)
            }
        }
        closeLink(at: range.upperBound)
        pixel.unclosed = tokenizer.unclosed ?? (swallowsImages ? .element : nil)
    }

    private var swallowsImages: Bool { openTemplates > 0 || inSelect }

    private mutating func noteText(_ run: Range<Int>) {
        guard !inHead, !html[run].allSatisfy({ HTMLBytes.isSpace($0) || $0 >= 0x80 }) else { return }
        isBeforeContent = false
    }

    // MARK: Tags

    private mutating func startTag(_ tag: HTMLTag) {
        let element = HTMLElement.named(html, tag.name)
        if element == .svg || element == .math || foreign.isActive {
            let isForeign = foreign.startTag(tag, in: html)
            tokenizer.allowsCDATA = foreign.allowsCDATA
            if isForeign {
                if element == .a { link(.a, tag) }
                isBeforeContent = false
                return
            }
        }
        switch element {
        case .a: link(.a, tag)
        case .area: link(.area, tag)
        case .meta: meta(tag)
        case .html: if isBeforeContent, !swallowsImages { pixel.top = tag.range.upperBound }
        case .head: inHead = isBeforeContent
        case .body: if pixel.afterBodyStart == nil, !swallowsImages { pixel.afterBodyStart = tag.range.upperBound }
        case .title: tokenizer.mode = .text(until: .title)
        case .textarea: tokenizer.mode = .text(until: .textarea)
        case .style: tokenizer.mode = .text(until: .style)
        case .xmp: tokenizer.mode = .text(until: .xmp)
        case .iframe: tokenizer.mode = .text(until: .iframe)
        case .noembed: tokenizer.mode = .text(until: .noembed)
        case .noframes: tokenizer.mode = .text(until: .noframes)
        case .script: tokenizer.mode = .script
        case .plaintext: tokenizer.mode = .plaintext
        case .img: if !swallowsImages { images += 1 }
        case .template: openTemplates += 1
        // A second one closes the first (§13.2.6.4.16).
        case .select: inSelect.toggle()
        case .base, .basefont, .bgsound, .link, .noscript, .svg, .math: break
        case .other:
            if inConditionalComment || inRevealedComment, html[tag.name].contains(UInt8(ascii: ":")) { link(.vml, tag) }
        }
        if isBeforeContent, !element.isMetadata {
            isBeforeContent = false
            inHead = false
        }
    }

    private mutating func endTag(_ tag: HTMLTag) {
        if foreign.isActive {
            let isForeign = foreign.endTag(tag, in: html)
            tokenizer.allowsCDATA = foreign.allowsCDATA
            if isForeign, !HTMLBytes.equals(html, tag.name, "a") { return }
        }
        switch HTMLElement.named(html, tag.name) {
        case .a: closeLink(at: tag.range.lowerBound)
        case .head:
            if isBeforeContent, !swallowsImages { pixel.top = tag.range.upperBound }
            inHead = false
        // In svg or math an image would end the foreign content, and what follows would be read otherwise.
        case .body: if !swallowsImages, !foreign.isActive { pixel.beforeBodyEnd = tag.range.lowerBound }
        case .html: if !swallowsImages, !foreign.isActive { pixel.beforeHTMLEnd = tag.range.lowerBound }
        case .template: openTemplates = max(0, openTemplates - 1)
        case .select: inSelect = false
        default: break
        }
    }

    // MARK: Links

    private mutating func link(_ element: HTMLLink.Element, _ tag: HTMLTag) {
        if element == .a { closeLink(at: tag.range.lowerBound) }
        guard found.count < HTMLScan.maximumLinks else { return }
        let attributes = tag.attributes(in: html)
        guard let href = attributes.first(where: { $0.isNamed("href", in: html) }) else { return }
        let url = HTMLAttributeValue.url(html, href.value)
        if element == .a {
            openLink = OpenLink(
                value: href, attributes: attributes, url: url, textStart: tag.range.upperBound, order: found.count)
            found.append(nil)
        } else {
            found.append(
                HTMLLink(
                    element: element, value: href.value, quoting: href.quoting, url: url, attributes: attributes,
                    text: nil))
        }
    }

    private mutating func closeLink(at end: Int) {
        guard let open = openLink else { return }
        openLink = nil
        found[open.order] = HTMLLink(
            element: .a, value: open.value.value, quoting: open.value.quoting, url: open.url,
            attributes: open.attributes, text: open.textStart..<max(open.textStart, end))
    }

    // MARK: Comments

    private mutating func comment(_ whole: Range<Int>, _ data: Range<Int>) {
        if whole.lowerBound == pixel.top, tokenizer.unclosed == nil, html[data].starts(with: "?xml".utf8) {
            xmlDeclaration = Self.value(of: "encoding", in: html, data).flatMap { isLabel($0) ? $0 : nil }
            pixel.top = whole.upperBound
        }
        if HTMLBytes.follows("![if", in: html, at: data.lowerBound - 1, before: data.upperBound) {
            inRevealedComment = true
        } else if HTMLBytes.follows("![endif", in: html, at: data.lowerBound - 1, before: data.upperBound) {
            inRevealedComment = false
        }
        // Downlevel-hidden conditional comment: Outlook reads what is inside as HTML.
        guard !inConditionalComment,
            HTMLBytes.follows("[if", in: html, at: data.lowerBound, before: data.upperBound),
            let bracket = ByteSearch.firstIndex(of: UInt8(ascii: "]"), in: html, data), bracket + 1 < data.upperBound,
            html[bracket + 1] == UInt8(ascii: ">")
        else { return }
        var inner = HTMLScanner(html, in: (bracket + 2)..<data.upperBound, inConditionalComment: true)
        inner.run()
        found.append(contentsOf: inner.found.prefix(HTMLScan.maximumLinks - found.count))
    }

    // MARK: Charset declarations

    private mutating func meta(_ tag: HTMLTag) {
        let attributes = tag.attributes(in: html)
        if let charset = attributes.first(where: { $0.isNamed("charset", in: html) }) {
            declare(Self.trimmed(html, charset.value))
        } else if let equivalent = attributes.first(where: { $0.isNamed("http-equiv", in: html) }),
            HTMLBytes.equals(html, equivalent.value, "content-type"),
            let content = attributes.first(where: { $0.isNamed("content", in: html) }),
            let label = Self.value(of: "charset", in: html, content.value)
        {
            declare(label)
        }
    }

    private mutating func declare(_ label: Range<Int>) {
        if isLabel(label) { metaDeclarations.append(label) }
    }

    /// Whether something could name a charset. What is empty does not, and is no place for a label either.
    private func isLabel(_ range: Range<Int>) -> Bool {
        !range.isEmpty
            && html[range].allSatisfy { HTMLBytes.isAlphanumeric($0) || "-_.:+".utf8.contains($0) }
    }

    /// The value behind `name=` in a string, quoted or not.
    private static func value(of name: StaticString, in html: [UInt8], _ range: Range<Int>) -> Range<Int>? {
        var index = range.lowerBound
        while index < range.upperBound {
            defer { index += 1 }
            guard HTMLBytes.follows(name, in: html, at: index, before: range.upperBound) else { continue }
            var next = index + name.utf8CodeUnitCount
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
}
