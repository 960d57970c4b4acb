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

    /// Whether any svg or math is open.
    var isActive: Bool { !open.isEmpty }

    /// Whether `<![CDATA[` opens a section: the current node is no HTML element, integration point or not.
    var allowsCDATA: Bool { open.last.map { $0.namespace != .html } ?? false }

    private var usesForeignRules: Bool {
        open.last.map { $0.namespace != .html && !$0.isIntegrationPoint } ?? false
    }

    private static let svgPoints: Set<String> = ["foreignobject", "desc", "title"]
    private static let mathPoints: Set<String> = ["mi", "mo", "mn", "ms", "mtext"]
    private static let void: Set<String> = [
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
            guard name == "svg" || name == "math" else { return false }
            push(name, name == "svg" ? .svg : .math, tag, html)
            return true
        }
        if usesForeignRules, !(name == "svg" && current.name == "annotation-xml") {
            guard breaksOut(name, tag, html) else {
                push(name, current.namespace, tag, html)
                return true
            }
            while usesForeignRules { pop(from: open.count - 1) }
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
    }

    private mutating func pop(from index: Int) {
        for element in open[index...] { counts[element.name] = counts[element.name].flatMap { $0 > 1 ? $0 - 1 : nil } }
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
        guard counts[name] != nil else { return false }
        // An HTML element's end tag does not reach through the foreign element around it; a foreign one's does not
        // reach through an HTML element.
        for index in open.indices.reversed() {
            guard (open[index].namespace == .html) == (current.namespace == .html) else { break }
            guard open[index].name == name else { continue }
            pop(from: index)
            return true
        }
        return false
    }
}
