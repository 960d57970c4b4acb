/// Where a document's head ends and its body begins, written out or not (HTML §13.2.6.4.1–6).
///
/// An image in front of that place would begin the body: what is left of the head would become part of it.
struct DocumentHead {
    private enum Phase { case head, noscript, afterHead, body }

    private var phase = Phase.head
    private var openTemplates = 0
    /// The last place known where an image leaves the head whole.
    private(set) var top: Int

    init(top: Int) { self.top = top }

    /// Whether the body has begun.
    var isOver: Bool { phase == .body }

    mutating func moveTop(to place: Int) { if openTemplates == 0 { top = place } }

    /// A run of characters, none of it in raw text: anything but white space begins the body.
    mutating func text(isBlank: Bool) {
        if !isBlank, openTemplates == 0 { phase = .body }
    }

    mutating func startTag(_ element: HTMLElement, endingAt end: Int) {
        guard openTemplates == 0 else {
            if element == .template { openTemplates += 1 }
            return
        }
        switch element {
        case .html, .meta, .link, .basefont, .bgsound: top = end
        case .base:
            leaveNoscript()
            top = end
        case .title, .script: leaveNoscript()
        case .template:
            leaveNoscript()
            openTemplates = 1
        // What they hold ends at an end tag.
        case .style, .noframes, .head: break
        case .noscript:
            guard phase != .afterHead else {
                phase = .body
                return
            }
            phase = .noscript
            top = end
        default: phase = .body
        }
    }

    /// Nothing else may stand in a head's noscript: it ends, and the head goes on.
    private mutating func leaveNoscript() {
        if phase == .noscript { phase = .head }
    }

    mutating func endTag(_ element: HTMLElement, isLineBreak: Bool, endingAt end: Int) {
        if openTemplates > 0 {
            guard element == .template else { return }
            openTemplates -= 1
            if openTemplates == 0 { top = end }
            return
        }
        switch element {
        case .title, .style, .script, .noframes: top = end
        case .noscript where phase == .noscript:
            phase = .head
            top = end
        case .head where phase == .head:
            phase = .afterHead
            top = end
        case .body, .html: if phase != .noscript { phase = .body }
        default: if isLineBreak { phase = .body }
        }
    }
}
