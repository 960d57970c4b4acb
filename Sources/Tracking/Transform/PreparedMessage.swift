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
        var check = SelfCheck(original: original, tree: tree, tokens: tokens, recipient: recipient)
        do {
            for splice in headerSplices { try list.add(splice) }
            for part in parts {
                let edited = try part.edited(tokens, recipient: recipient)
                guard let content = part.text.encoded(edited) else { throw PassThrough(.charsetUndecodable) }
                var body = QuotedPrintable.encode(content.bytes)
                let leaf = tree.parts[part.index]
                // The message's last line has to end; a soft break adds no line end to the text.
                if leaf.body.upperBound == original.count, body.last.map({ $0 != 0x0A }) ?? false {
                    body += "=\r\n".utf8
                }
                for splice in leaf.splicesLabelling(
                    charset: content.label, encoding: "quoted-printable", in: original)
                {
                    try list.add(splice)
                }
                try list.add(Splice(range: leaf.body, replacement: leaf.framed(body)))
                try check.verify(part, edited: edited, content: content.bytes, body: body)
            }
        } catch let reason as PassThrough {
            throw reason
        } catch {
            throw PassThrough(.selfCheckFailed)
        }
        try check.verify(list)
        return list
    }
}

extension PreparedMessage {
    /// Whether copies will differ by recipient.
    public var isTracked: Bool { reason == nil }
}
