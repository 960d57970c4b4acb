import HTMLRewriting
import MailMessage

/// Reads a rewritten message again and compares it with what was meant (§9 of the contract).
///
/// It costs a second scan of each rewritten part and a second walk through the message, and buys this: a bug in the
/// rewriting sends the original, not damage.
struct SelfCheck {
    private let original: [UInt8]
    private let tree: MIMETree
    private let tokens: TokenURLs
    private let recipient: Int
    /// The encoded bodies by part.
    private var bodies: [Int: [UInt8]] = [:]
    /// The parts' new charsets, where they have one.
    private var labels: [Int: String] = [:]

    init(original: [UInt8], tree: MIMETree, tokens: TokenURLs, recipient: Int) {
        self.original = original
        self.tree = tree
        self.tokens = tokens
        self.recipient = recipient
    }

    /// Checks one part.
    /// - Throws: `self-check-failed` when the encoded body does not decode to `content`, or when the links and the pixel of
    ///   `edited` are not the original ones with the tracked ones put in.
    mutating func verify(_ part: PreparedPart, edited: [UInt8], content: [UInt8], body: [UInt8]) throws(PassThrough) {
        bodies[part.index] = body
        labels[part.index] = part.text.label
        guard part.text.reads(content, as: edited) else { throw PassThrough(.selfCheckFailed) }
        // Line ends may have become CRLF; nothing else may differ.
        let decoded = QuotedPrintable.decode(body, in: body.indices).bytes
        guard ByteSearch.equal(decoded, withHardBreaks: content) else { throw PassThrough(.selfCheckFailed) }
        let after: [[UInt8]]
        if part.isHTML {
            let scan = HTMLScan(edited)
            after = scan.links.map(\.url)
            try verifyPixel(part, edited, images: scan.images)
            guard part.text.label == nil || scan.charsetDeclarations.allSatisfy({ Self.namesUTF8(edited[$0]) }) else {
                throw PassThrough(.selfCheckFailed)
            }
        } else {
            after = PlainTextLinks.find(in: edited, deletesSpaces: part.deletesSpaces).map(\.url)
        }
        guard part.found.count == after.count else { throw PassThrough(.selfCheckFailed) }
        var tracked = part.links.makeIterator()
        var next = tracked.next()
        for (old, new) in zip(part.found, after) {
            if let place = next, place.range == old.value {
                guard opens(new, place) else { throw PassThrough(.selfCheckFailed) }
                next = tracked.next()
            } else if old.url != new {
                throw PassThrough(.selfCheckFailed)
            }
        }
        guard next == nil else { throw PassThrough(.selfCheckFailed) }
    }

    private static func namesUTF8(_ label: ArraySlice<UInt8>) -> Bool {
        ["utf-8", "utf8"].contains(String(decoding: label, as: UTF8.self).lowercased())
    }

    /// One image more, which a reader's program will ask for, and its token opens.
    private func verifyPixel(_ part: PreparedPart, _ edited: [UInt8], images: Int) throws(PassThrough) {
        guard images == part.images + (part.pixel == nil ? 0 : 1) else { throw PassThrough(.selfCheckFailed) }
        guard let place = part.pixel else { return }
        // Tracked addresses are longer than what they stand for as a rule: the pixel is further behind, if it moved at all.
        guard let url = tokens.open(recipient: recipient),
            ByteSearch.firstIndex(of: url, in: edited, from: min(place, edited.count)) != nil
                || ByteSearch.firstIndex(of: url, in: edited) != nil
        else { throw PassThrough(.selfCheckFailed) }
        let token = url.dropFirst(tokens.baseURL.bytes.count + 3).dropLast(4)
        guard tokens.codec.open(token, kind: .open)?.key == tokens.key else { throw PassThrough(.selfCheckFailed) }
    }

    private func opens(_ url: [UInt8], _ place: PreparedPart.LinkPlace) -> Bool {
        let prefix = tokens.baseURL.bytes + Array("/c/".utf8)
        guard url.starts(with: prefix),
            let (token, key) = tokens.codec.open(
                url.dropFirst(prefix.count).prefix { $0 != UInt8(ascii: "?") }, kind: .click)
        else { return false }
        let content = Token.Content.click(number: place.number, target: place.target)
        return key == tokens.key && token == Token(message: tokens.message, recipient: recipient, content: content)
    }

    /// Whether a rewritten part has its new labels and, besides, the old ones.
    private func isLabelled(_ new: MIMEPart, instead old: MIMEPart, in output: [UInt8]) -> Bool {
        let label = labels[old.index]
        func kept(_ part: MIMEPart) -> [[String]] {
            part.contentType.parameters.filter { label == nil || $0.name != "charset" }.map { [$0.name, $0.value] }
        }
        return kept(new) == kept(old) && (label == nil || new.contentType.parameter("charset") == label)
            && new.isLabelled(charset: label, encoding: "quoted-printable", in: output)
    }

    /// Checks the whole message: the same tree, the new bodies where they belong, all other leaves untouched.
    /// - Throws: `self-check-failed`.
    func verify(_ edits: SpliceList) throws(PassThrough) {
        guard !edits.isEmpty else { return }
        let output = edits.applied(to: original)
        guard let after = try? MIMETree.parse(output, limits: .afterEdits), after.parts.count == tree.parts.count else {
            throw PassThrough(.selfCheckFailed)
        }
        for (old, new) in zip(tree.parts, after.parts) {
            guard old.parent == new.parent, old.contentType.is(new.contentType.type, new.contentType.subtype),
                old.children == new.children
            else { throw PassThrough(.selfCheckFailed) }
            guard old.children.isEmpty else { continue }
            let isWhole =
                bodies[old.index].map {
                    ByteSearch.equal($0, $0.indices, output, new.body) && isLabelled(new, instead: old, in: output)
                }
                ?? (ByteSearch.equal(original, old.body, output, new.body)
                    && old.transferEncoding == new.transferEncoding)
            guard isWhole else { throw PassThrough(.selfCheckFailed) }
        }
    }
}
