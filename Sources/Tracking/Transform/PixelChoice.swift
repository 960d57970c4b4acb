import HTMLRewriting
import MailMessage

/// Which HTML part gets the pixel: the one that readers show.
struct PixelChoice {
    private let tree: MIMETree
    private let scans: [Int: HTMLScan]
    private let original: [UInt8]
    /// Index of the part; `nil` where none shows anything that another does not show better.
    private(set) var part: Int?

    /// Chooses among the HTML parts that were looked at.
    init(_ tree: MIMETree, _ scans: [Int: HTMLScan], _ original: [UInt8]) {
        self.tree = tree
        self.scans = scans
        self.original = original
        part = shown(in: 0)
    }

    /// Of alternatives the last is shown (RFC 2046 §5.1.4), of other parts all are. Multiparts are 100 deep at most.
    private func shown(in index: Int) -> Int? {
        let part = tree.parts[index]
        guard !part.children.isEmpty else {
            guard let scan = scans[index] else { return nil }
            return scan.hasContent || !scan.pixel.hasPlace || !hasTextBeside(index) ? index : nil
        }
        let isAlternative = part.contentType.is("multipart", "alternative")
        for child in isAlternative ? part.children.reversed() : part.children {
            if let found = shown(in: child) { return found }
        }
        return nil
    }

    /// Whether a part without content stands beside a text that has some: programs that fall back to the text look whether
    /// the HTML is empty, and with a pixel it would not be.
    private func hasTextBeside(_ index: Int) -> Bool {
        var child = index
        while let parent = tree.parts[child].parent {
            if tree.parts[parent].contentType.is("multipart", "alternative"),
                tree.parts[parent].children.contains(where: { $0 != child && holdsText($0) })
            {
                return true
            }
            child = parent
        }
        return false
    }

    private func holdsText(_ index: Int) -> Bool {
        let part = tree.parts[index]
        guard part.children.isEmpty else { return part.children.contains(where: holdsText) }
        guard part.contentType.is("text", "plain"), let text = part.decodedBody(in: original) else { return false }
        return text.bytes.contains { $0 > 0x20 }
    }
}
