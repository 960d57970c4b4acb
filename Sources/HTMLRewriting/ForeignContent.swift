/// Whether the tokenizer is inside svg or math (§13.2.6.5), where CDATA sections exist and `style` or `title` hold markup.
struct ForeignContent {
    private struct Open {
        let name: String
        /// HTML rules hold inside it.
        let isIntegrationPoint: Bool
    }

    /// Deeper elements are not followed; nothing but the CDATA rule depends on them.
    private static let maximumDepth = 512
    private var open: [Open] = []

    /// Whether the current node is foreign and no integration point.
    var isForeign: Bool { open.last.map { !$0.isIntegrationPoint } ?? false }

    private static let integrationPoints: Set<String> = [
        "foreignobject", "desc", "title", "mi", "mo", "mn", "ms", "mtext", "annotation-xml",
    ]

    private static let breakOut: Set<String> = [
        "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2",
        "h3",
        "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby",
        "s",
        "small", "span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul", "var",
    ]

    /// Takes a start tag; whether it was foreign.
    mutating func startTag(_ name: String, _ tag: HTMLTag, _ html: [UInt8]) -> Bool {
        if !isForeign {
            guard name == "svg" || name == "math" else { return false }
            push(name, tag)
            return true
        }
        if Self.breakOut.contains(name) {
            while isForeign { open.removeLast() }
            return false
        }
        push(name, tag)
        return true
    }

    private mutating func push(_ name: String, _ tag: HTMLTag) {
        guard !tag.isSelfClosing, open.count < Self.maximumDepth else { return }
        open.append(Open(name: name, isIntegrationPoint: Self.integrationPoints.contains(name)))
    }

    /// Takes an end tag; whether it closed something foreign.
    mutating func endTag(_ name: String) -> Bool {
        guard let index = open.lastIndex(where: { $0.name == name }) else { return false }
        open.removeSubrange(index...)
        return true
    }
}
