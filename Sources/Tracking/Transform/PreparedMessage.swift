import HTMLRewriting
public import MailMessage

/// A message with every decision taken; only the recipient's tokens are missing.
public struct PreparedMessage: Sendable {
    private let original: [UInt8]
    private let tokens: TokenURLs
    fileprivate let reason: PassThroughReason?
    /// What was found; complete but for the self-check.
    public private(set) var report: TransformReport
    var tree: MIMETree?
    var parts: [PreparedPart] = []
    var headerSplices: [Splice] = []

    init(original: [UInt8], tokens: TokenURLs, reason: PassThroughReason?, report: TransformReport = TransformReport())
    {
        self.original = original
        self.tokens = tokens
        self.reason = reason
        self.report = report
        if reason != nil {
            for index in self.report.parts.indices {
                self.report.parts[index].rewritten = false
                self.report.parts[index].rewrittenAs = nil
                self.report.parts[index].links = []
                self.report.parts[index].pixel = nil
            }
        }
    }

    /// The edits that give one recipient's copy, and how it goes out. A pass-through has no edits.
    /// - Parameter recipient: number in the envelope, from 0.
    public func render(recipient: Int) -> (edits: SpliceList, outcome: TransformOutcome) {
        if let reason { return (SpliceList(), .passedThrough(reason, report)) }
        do {
            return (try splices(recipient: recipient), .tracked(report))
        } catch {
            let bare = PreparedMessage(original: original, tokens: tokens, reason: error.reason, report: report)
            return (SpliceList(), .passedThrough(error.reason, bare.report))
        }
    }

    private func splices(recipient: Int) throws(PassThrough) -> SpliceList {
        guard let tree else { throw PassThrough(.structureLimit) }
        var list = SpliceList()
        do {
            for splice in headerSplices { try list.add(splice) }
            for part in parts {
                let edited = try part.edited(tokens, recipient: recipient)
                let content = part.text.encoded(edited)
                let body = QuotedPrintable.encode(content.bytes)
                try SelfCheck(part: part, tokens: tokens, recipient: recipient).verify(
                    edited, content: content.bytes, body: body)
                let leaf = tree.parts[part.index]
                for splice in leaf.splicesLabelling(
                    charset: content.label, encoding: "quoted-printable", in: original)
                {
                    try list.add(splice)
                }
                try list.add(Splice(range: leaf.body, replacement: body))
            }
            if let splice = mimeVersion(tree) { try list.add(splice) }
        } catch let reason as PassThrough {
            throw reason
        } catch {
            throw PassThrough(.selfCheckFailed)
        }
        return list
    }

    /// A message without MIME-Version is not MIME to a strict reader (RFC 2045 §4), and would not be decoded.
    private func mimeVersion(_ tree: MIMETree) -> Splice? {
        let header = tree.parts[0].header
        guard header.first("MIME-Version", in: original) == nil else { return nil }
        let end = header.range.upperBound
        return Splice(range: end..<end, replacement: Array("MIME-Version: 1.0\r\n".utf8))
    }
}

extension PreparedMessage {
    /// Whether copies will differ by recipient.
    public var isTracked: Bool { reason == nil }
}
