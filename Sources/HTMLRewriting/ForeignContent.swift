/// The open elements from the outermost svg or math on (§13.2.6.5): inside them CDATA sections exist, `style` and `title`
/// hold markup, and some elements let HTML back in.
struct ForeignContent {
    private enum Namespace { case html, svg, math }

    private struct Open {
        let name: String
        let namespace: Namespace
        /// HTML rules hold for start tags directly inside it.
        let isIntegrationPoint: Bool
    }

    /// Deeper elements are not followed.
    private static let maximumDepth = 512
    private var open: [Open] = []
    /// How often each name is open: an end tag of no open element costs one look-up, however deep it is.
    private var counts: [String: Int] = [:]
    /// How many open elements an end tag from inside does not reach through.
    private var stoppers = 0
    /// The HTML elements around; `nil` where the document holds no foreign content.
    private(set) var outside: OpenElements?

    /// - Parameter followsHTML: whether end tags outside of foreign content matter, since there is some.
    init(followsHTML: Bool) { outside = followsHTML ? OpenElements() : nil }

    /// Text in front of, or between, what is foreign.
    mutating func text() { if !isActive { outside?.reconstruct() } }

    /// Whether an HTML start tag inside closes the table cell around the foreign content.
    private static let tableParts: Set<String> = [
        "caption", "colgroup", "col", "tbody", "td", "tfoot", "th", "thead", "tr",
    ]

    /// Whether any svg or math is open.
    var isActive: Bool { !open.isEmpty }

    /// Whether `<![CDATA[` opens a section: the current node is no HTML element, integration point or not.
    var allowsCDATA: Bool { open.last.map { $0.namespace != .html } ?? false }

    private var usesForeignRules: Bool {
        open.last.map { $0.namespace != .html && !$0.isIntegrationPoint } ?? false
    }

    private static let svgPoints: Set<String> = ["foreignobject", "desc", "title"]
    private static let mathPoints: Set<String> = ["mi", "mo", "mn", "ms", "mtext"]
    static let void: Set<String> = [
        "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen", "link",
        "meta", "param", "source", "track", "wbr",
    ]
    private static let breakOut: Set<String> = [
        "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2",
        "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre",
        "ruby", "s", "small", "span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var",
    ]

    /// Takes a start tag; whether it made a foreign element.
    mutating func startTag(_ tag: HTMLTag, in html: [UInt8]) -> Bool {
        let name = HTMLBytes.lowercased(html, tag.name)
        guard let current = open.last else {
            guard name == "svg" || name == "math" else {
                outside?.startTag(name)
                return false
            }
            outside?.reconstruct()
            push(name, name == "svg" ? .svg : .math, tag, html)
            return true
        }
        if usesForeignRules, !(name == "svg" && current.name == "annotation-xml") {
            guard breaksOut(name, tag, html) else {
                push(name, current.namespace, tag, html)
                return true
            }
            while usesForeignRules { pop(from: open.count - 1) }
            guard isActive else {
                outside?.startTag(name)
                return false
            }
        } else if current.namespace == .math, Self.mathPoints.contains(current.name),
            name == "mglyph" || name == "malignmark"
        {
            push(name, .math, tag, html)
            return true
        }
        if name == "svg" || name == "math" {
            push(name, name == "svg" ? .svg : .math, tag, html)
            return true
        }
        if isActive, !Self.void.contains(name), open.count < Self.maximumDepth {
            append(Open(name: name, namespace: .html, isIntegrationPoint: false))
        }
        return false
    }

    private func breaksOut(_ name: String, _ tag: HTMLTag, _ html: [UInt8]) -> Bool {
        if Self.breakOut.contains(name) { return true }
        return name == "font"
            && tag.attributes(in: html).contains {
                $0.isNamed("color", in: html) || $0.isNamed("face", in: html) || $0.isNamed("size", in: html)
            }
    }

    private mutating func push(_ name: String, _ namespace: Namespace, _ tag: HTMLTag, _ html: [UInt8]) {
        guard !tag.isSelfClosing, open.count < Self.maximumDepth else { return }
        let isPoint =
            switch namespace {
            case .svg: Self.svgPoints.contains(name)
            case .math: Self.mathPoints.contains(name) || name == "annotation-xml" && holdsHTML(tag, html)
            case .html: false
            }
        append(Open(name: name, namespace: namespace, isIntegrationPoint: isPoint))
    }

    private mutating func append(_ element: Open) {
        open.append(element)
        counts[element.name, default: 0] += 1
        if Self.stopsEndTags(element) { stoppers += 1 }
    }

    private mutating func pop(from index: Int) {
        for element in open[index...] {
            counts[element.name] = counts[element.name].flatMap { $0 > 1 ? $0 - 1 : nil }
            if Self.stopsEndTags(element) { stoppers -= 1 }
        }
        open.removeSubrange(index...)
    }

    /// `annotation-xml` lets HTML in where its `encoding` says so.
    private func holdsHTML(_ tag: HTMLTag, _ html: [UInt8]) -> Bool {
        guard let encoding = tag.attributes(in: html).first(where: { $0.isNamed("encoding", in: html) }) else {
            return false
        }
        return HTMLBytes.equals(html, encoding.value, "text/html")
            || HTMLBytes.equals(html, encoding.value, "application/xhtml+xml")
    }

    /// Takes an end tag; whether it closed something in here, or nothing at all.
    mutating func endTag(_ tag: HTMLTag, in html: [UInt8]) -> Bool {
        guard let current = open.last else { return false }
        let name = HTMLBytes.lowercased(html, tag.name)
        if current.namespace != .html, name == "p" || name == "br" {
            while usesForeignRules { pop(from: open.count - 1) }
            return false
        }
        // An HTML element's end tag does not reach through the foreign element around it; a foreign one's does not
        // reach through an HTML element, but where there is none in here, through all of them.
        let isOpen = counts[name] != nil
        for index in open.indices.reversed() where isOpen {
            guard (open[index].namespace == .html) == (current.namespace == .html) else { break }
            guard open[index].name == name else { continue }
            pop(from: index)
            return true
        }
        if stoppers > 0 {
            // Only the end of a table's part reaches through an integration point (§13.2.4.2, table scope).
            guard Self.tableParts.contains(name) || name == "table" else { return false }
            guard counts["table"] == nil, counts["template"] == nil else { return false }
        }
        if outside?.endTag(name) == true { pop(from: 0) }
        return false
    }

    private static func stopsEndTags(_ element: Open) -> Bool {
        element.namespace == .html || element.isIntegrationPoint || element.name == "annotation-xml"
    }

    /// Takes an end tag where nothing foreign is open.
    mutating func outerEndTag(_ tag: HTMLTag, in html: [UInt8]) {
        guard outside != nil else { return }
        let name = HTMLBytes.lowercased(html, tag.name)
        if name == "p" { _ = outside?.endParagraph() } else { _ = outside?.endTag(name) }
    }
}
