/// The open HTML elements around svg and math (HTML §13.2.4.2–3), as far as they decide which end tag ends foreign content:
/// scopes, implied end tags, table structure, and formatting elements that come back behind a block.
///
/// Kept only for documents that hold svg or math.
struct OpenElements {
    private struct Element {
        let name: String
        let id: Int
    }

    /// Deeper elements are not followed.
    private static let maximumDepth = 256
    /// More formatting elements are not reopened.
    private static let maximumActive = 64

    /// The outermost first, without `html` and `body`.
    private var stack: [Element] = []
    /// The list of active formatting elements; `nil` is a marker.
    private var active: [Element?] = []
    private var nextID = 0
    private var hasForm = false
    /// How often each name is open: what is not open costs one look-up, however deep the rest is.
    private var counts: [String: Int] = [:]
    /// Whether a formatting element may have been closed from outside.
    private var mayReconstruct = false

    // MARK: Start tags

    /// Text or an element that reopens the formatting elements which an end tag around them closed.
    mutating func reconstruct() {
        guard mayReconstruct else { return }
        mayReconstruct = false
        let start = active.lastIndex { $0 == nil }.map { $0 + 1 } ?? 0
        let open = Set(stack.map(\.id))
        // All behind the first that is closed are.
        guard let first = active[start...].firstIndex(where: { $0.map { !open.contains($0.id) } ?? false }) else {
            return
        }
        for index in first..<active.count {
            guard let element = active[index], let again = push(element.name) else { continue }
            active[index] = again
        }
    }

    /// A start tag of HTML outside of foreign content.
    mutating func startTag(_ name: String) {
        switch name {
        case "html", "head", "body", "frameset", "frame", "col": return
        case "td", "th", "tr", "tbody", "thead", "tfoot", "caption", "colgroup": return startTablePart(name)
        case "table":
            if let top = stack.last?.name, Self.rowGroups.contains(top) || top == "table" || top == "tr" {
                _ = close("table", in: Self.tableScope)
            }
            push(name)
            return
        case "form":
            guard !hasForm else { return }
            hasForm = true
        case "li", "dd", "dt": endListItem(like: name)
        case "option", "optgroup": if stack.last?.name == "option" { pop(from: stack.count - 1) }
        case "a", "nobr": _ = endFormatting(name)
        case "button": _ = close("button", in: Self.scope)
        default: break
        }
        if Self.closesParagraph.contains(name) {
            _ = close("p", in: Self.buttonScope)
            if Self.headings.contains(name), let top = stack.last?.name, Self.headings.contains(top) {
                stack.removeLast()
            }
        } else {
            reconstruct()
        }
        guard !ForeignContent.void.contains(name), let element = push(name), active.count < Self.maximumActive else {
            return
        }
        if Self.formatting.contains(name) {
            active.append(element)
        } else if Self.marking.contains(name) {
            active.append(nil)
        }
    }

    /// - Returns: `nil` where the stack is full.
    @discardableResult
    private mutating func push(_ name: String) -> Element? {
        guard stack.count < Self.maximumDepth else { return nil }
        nextID += 1
        let element = Element(name: name, id: nextID)
        stack.append(element)
        counts[name, default: 0] += 1
        return element
    }

    private mutating func startTablePart(_ name: String) {
        guard hasOpen("table", in: Self.tableScope) else { return }
        let isCell = name == "td" || name == "th"
        let isRow = name == "tr"
        popTo { $0 == "table" || (isCell || isRow) && Self.rowGroups.contains($0) || isCell && $0 == "tr" }
        if isCell || isRow, stack.last?.name == "table" { push("tbody") }
        if isCell, stack.last?.name != "tr" { push("tr") }
        guard push(name) != nil else { return }
        if isCell || name == "caption", active.count < Self.maximumActive { active.append(nil) }
    }

    private mutating func popTo(_ isGoal: (String) -> Bool) {
        while let top = stack.last, !isGoal(top.name) { pop(from: stack.count - 1) }
    }

    private mutating func endListItem(like name: String) {
        guard name == "li" ? counts["li"] != nil : counts["dd"] != nil || counts["dt"] != nil else { return }
        for index in stack.indices.reversed() {
            let open = stack[index].name
            if name == "li" ? open == "li" : open == "dd" || open == "dt" { return pop(from: index) }
            if Self.special.contains(open), open != "address", open != "div", open != "p" { return }
        }
    }

    // MARK: End tags

    /// An end tag that no foreign element answers; whether it closes an element out here, and all that is open in it.
    mutating func endTag(_ name: String) -> Bool {
        if Self.formatting.contains(name) { return endFormatting(name) }
        switch name {
        case "body", "html", "br", "p": return false
        // It goes without what is open in it.
        case "form":
            hasForm = false
            guard let index = stack.lastIndex(where: { $0.name == "form" }) else { return false }
            stack.remove(at: index)
            forget("form")
            return false
        case "table", "tbody", "thead", "tfoot", "tr", "td", "th", "caption": return close(name, in: Self.tableScope)
        case "template": return close(name, in: [])
        case "li": return close(name, in: Self.listScope)
        case "applet", "marquee", "object", "dd", "dt": return close(name, in: Self.scope)
        case _ where Self.headings.contains(name):
            let open = stack.last { Self.headings.contains($0.name) || Self.scope.contains($0.name) }
            return open.map { Self.headings.contains($0.name) && close($0.name, in: Self.scope) } ?? false
        case _ where Self.closesParagraph.contains(name) || name == "button": return close(name, in: Self.scope)
        default: return close(name, in: Self.special)
        }
    }

    /// `</p>` outside of foreign content.
    mutating func endParagraph() -> Bool { close("p", in: Self.buttonScope) }

    private func hasOpen(_ name: String, in scope: Set<String>) -> Bool {
        counts[name] != nil && stack.last { $0.name == name || scope.contains($0.name) }?.name == name
    }

    private mutating func close(_ name: String, in scope: Set<String>) -> Bool {
        guard counts[name] != nil, let index = stack.lastIndex(where: { $0.name == name || scope.contains($0.name) }),
            stack[index].name == name
        else { return false }
        pop(from: index)
        return true
    }

    private mutating func pop(from index: Int) {
        for element in stack[index...] {
            forget(element.name)
            if Self.formatting.contains(element.name) { mayReconstruct = true }
            if Self.marking.contains(element.name), let marker = active.lastIndex(where: { $0 == nil }) {
                active.removeSubrange(marker...)
                mayReconstruct = true
            }
        }
        stack.removeSubrange(index...)
    }

    private mutating func forget(_ name: String) {
        counts[name] = counts[name].flatMap { $0 > 1 ? $0 - 1 : nil }
    }

    /// The adoption agency (§13.2.6.4.7): the blocks in the element stay open, what is open behind the last of them ends.
    private mutating func endFormatting(_ name: String) -> Bool {
        let start = active.lastIndex { $0 == nil }.map { $0 + 1 } ?? 0
        guard let entry = active[start...].lastIndex(where: { $0?.name == name }), let id = active[entry]?.id else {
            return close(name, in: Self.special)
        }
        guard let index = stack.lastIndex(where: { $0.id == id }) else {
            active.remove(at: entry)
            return false
        }
        guard !stack[index...].contains(where: { Self.scope.contains($0.name) }) else { return false }
        active.remove(at: entry)
        let last = stack[index...].lastIndex { Self.special.contains($0.name) }
        let kept = stack[index...(last ?? index)].dropFirst().filter { Self.special.contains($0.name) }
        pop(from: index)
        stack += kept
        for element in kept { counts[element.name, default: 0] += 1 }
        mayReconstruct = true
        return true
    }

    // MARK: Kinds of elements

    /// What ends the formatting elements outside of it.
    private static let marking: Set<String> = [
        "applet", "caption", "marquee", "object", "td", "template", "th",
    ]
    private static let rowGroups: Set<String> = ["tbody", "thead", "tfoot"]
    private static let tableScope: Set<String> = ["table", "template"]
    private static let scope: Set<String> = ["applet", "caption", "table", "td", "th", "marquee", "object", "template"]
    private static let buttonScope = scope.union(["button"])
    private static let listScope = scope.union(["ol", "ul"])
    private static let headings: Set<String> = ["h1", "h2", "h3", "h4", "h5", "h6"]
    private static let formatting: Set<String> = [
        "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
    ]
    private static let closesParagraph: Set<String> = headings.union([
        "address", "article", "aside", "blockquote", "center", "dd", "details", "dialog", "dir", "div", "dl", "dt",
        "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "li", "listing", "main", "menu",
        "nav", "ol", "p", "plaintext", "pre", "search", "section", "summary", "ul", "xmp",
    ])
    private static let special: Set<String> = closesParagraph.union([
        "applet", "button", "caption", "colgroup", "iframe", "marquee", "noembed", "noframes", "noscript", "object",
        "script", "select", "style", "table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "title",
        "tr",
    ])
}
