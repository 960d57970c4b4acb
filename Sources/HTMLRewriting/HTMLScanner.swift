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
    private var foreign: ForeignContent
    private var openLink: OpenLink?
    private var found: [HTMLLink?] = []
    private var metaDeclarations: [Range<Int>] = []
    private var xmlDeclaration: Range<Int>?
    private(set) var pixel: PixelPlaces
    private(set) var images = 0
    private var head: DocumentHead
    private var content = VisibleContent()
    /// The element whose content is read as text.
    private var rawElement: HTMLElement?
    /// Whether only Outlook reads on: between `<![if …]>` and `<![endif]>`.
    private var inRevealedComment = false
    /// Elements that swallow an image put into them.
    private var openTemplates = 0
    private var inSelect = false

    var charsetDeclarations: [Range<Int>] { metaDeclarations + (xmlDeclaration.map { [$0] } ?? []) }
    var links: [HTMLLink] { found.compactMap { $0 } }

    /// - Parameter followsHTML: see ``ForeignContent``; the scanner sees for itself where it has to.
    init(_ html: [UInt8], in range: Range<Int>, inConditionalComment: Bool, followsHTML: Bool = false) {
        foreign = ForeignContent(followsHTML: followsHTML)
        self.html = html
        self.range = range
        self.inConditionalComment = inConditionalComment
        tokenizer = HTMLTokenizer(html, in: range)
        pixel = PixelPlaces(end: range.upperBound)
        let hasMark = html[range].starts(with: [0xEF, 0xBB, 0xBF])
        head = DocumentHead(top: range.lowerBound + (hasMark ? 3 : 0))
    }

    mutating func run() {
        while let token = tokenizer.next() {
            switch token {
            case .text(let run): text(run)
            // What never ends swallows what is put behind it.
            case .doctype(let doctype):
                if !head.isOver, tokenizer.unclosed == nil { head.moveTop(to: doctype.upperBound) }
            case .comment(let whole, let data): comment(whole, data)
            case .startTag(let tag): startTag(tag)
            case .endTag(let tag): endTag(tag)
            }
        }
        closeLink(at: range.upperBound)
        pixel.top = head.top
        pixel.unclosed = tokenizer.unclosed ?? (swallowsImages ? .element : nil)
    }

    private var swallowsImages: Bool { openTemplates > 0 || inSelect }

    /// Whether anything but white space for the eyes stands in the document, outside of frames.
    var hasContent: Bool { content.isThere && pixel.hasPlace }

    private mutating func text(_ run: Range<Int>) {
        // Most of a document: nothing that is asked of text is open any more.
        if head.isOver, content.isSettled, foreign.outside == nil { return }
        if rawElement == nil, foreign.outside != nil, !html[run].allSatisfy(HTMLBytes.isSpace) { foreign.text() }
        guard !head.isOver || !content.isSettled, openTemplates == 0 else { return }
        switch rawElement {
        // What is not shown, or not in a program that reads frames.
        case .title, .style, .script, .noframes, .noembed, .iframe: return
        default: break
        }
        let isMarked = run.lowerBound == range.lowerBound && head.top == run.lowerBound + 3
        let run = (isMarked ? min(head.top, run.upperBound) : run.lowerBound)..<run.upperBound
        if !head.isOver { head.text(isBlank: html[run].allSatisfy { HTMLBytes.isSpace($0) || $0 == 0 }) }
        content.text(html, run)
    }

    // MARK: Tags

    private mutating func startTag(_ tag: HTMLTag) {
        let element = HTMLElement.named(html, tag.name)
        if element == .svg || element == .math, foreign.outside == nil { return startAnew() }
        if foreign.outside != nil {
            let isForeign = foreign.startTag(tag, in: html)
            tokenizer.allowsCDATA = foreign.allowsCDATA
            if isForeign {
                if element == .a { link(.a, tag) }
                head.startTag(element, endingAt: tag.range.upperBound)
                content.startTag(element, tag, in: html)
                return
            }
        }
        if !head.isOver { head.startTag(element, endingAt: tag.range.upperBound) }
        if !content.isSettled, !swallowsImages { content.startTag(element, tag, in: html) }
        switch element {
        case .a: link(.a, tag)
        case .area: link(.area, tag)
        case .meta: meta(tag)
        case .frameset: if content.allowsFrameset, !swallowsImages { becomeFrameset() }
        case .body: if pixel.afterBodyStart == nil, !swallowsImages { pixel.afterBodyStart = tag.range.upperBound }
        case .title, .textarea, .style, .xmp, .iframe, .noembed, .noframes, .script, .plaintext: readRaw(element)
        case .img: if !swallowsImages, pixel.hasPlace { images += 1 }
        case .template: openTemplates += 1
        // A second one closes the first (§13.2.6.4.16).
        case .select: inSelect.toggle()
        case .base, .basefont, .bgsound, .head, .html, .link, .noscript, .svg, .math: break
        case .other:
            if inConditionalComment || inRevealedComment, html[tag.name].contains(UInt8(ascii: ":")) { link(.vml, tag) }
        }
    }

    /// At the first svg or math, once: what is open around it has to be known from the document's start on.
    private mutating func startAnew() {
        self = HTMLScanner(html, in: range, inConditionalComment: inConditionalComment, followsHTML: true)
    }

    private mutating func readRaw(_ element: HTMLElement) {
        rawElement = element
        switch element {
        case .title: tokenizer.mode = .text(until: .title)
        case .textarea: tokenizer.mode = .text(until: .textarea)
        case .style: tokenizer.mode = .text(until: .style)
        case .xmp: tokenizer.mode = .text(until: .xmp)
        case .iframe: tokenizer.mode = .text(until: .iframe)
        case .noembed: tokenizer.mode = .text(until: .noembed)
        case .noframes: tokenizer.mode = .text(until: .noframes)
        case .script: tokenizer.mode = .script
        default: tokenizer.mode = .plaintext
        }
    }

    /// The body and all that stood in it goes; what follows shows no image (§13.2.6.4.20).
    private mutating func becomeFrameset() {
        pixel.hasPlace = false
        images = 0
    }

    private mutating func endTag(_ tag: HTMLTag) {
        rawElement = nil
        if foreign.isActive {
            let isForeign = foreign.endTag(tag, in: html)
            tokenizer.allowsCDATA = foreign.allowsCDATA
            if isForeign, !HTMLBytes.equals(html, tag.name, "a") { return }
        } else if foreign.outside != nil {
            foreign.outerEndTag(tag, in: html)
        }
        let element = HTMLElement.named(html, tag.name)
        if !head.isOver {
            head.endTag(
                element, isLineBreak: HTMLBytes.equals(html, tag.name, "br"), endingAt: tag.range.upperBound)
        }
        switch element {
        case .a: closeLink(at: tag.range.lowerBound)
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
        if whole.lowerBound == head.top, tokenizer.unclosed == nil, html[data].starts(with: "?xml".utf8) {
            xmlDeclaration = Self.value(of: "encoding", in: html, data).flatMap { isLabel($0) ? $0 : nil }
            head.moveTop(to: whole.upperBound)
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
