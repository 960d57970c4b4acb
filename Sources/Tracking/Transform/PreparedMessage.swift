import HTMLRewriting
public import MailMessage

/// A message with every decision taken; only the recipient's tokens are missing.
public struct PreparedMessage: Sendable {
    private let original: [UInt8]
    private let tokens: TokenURLs
    private let plan: Plan
    /// What was found; complete but for the self-check.
    public private(set) var report: TransformReport

    /// What is to be done with the message.
    enum Plan {
        case passThrough(PassThroughReason)
        case rewrite(MIMETree, [PreparedPart], headerSplices: [Splice])
    }

    init(original: [UInt8], tokens: TokenURLs, plan: Plan, report: TransformReport = TransformReport()) {
        self.original = original
        self.tokens = tokens
        self.plan = plan
        self.report = report
        if case .passThrough = plan {
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
        switch plan {
        case .passThrough(let reason): return (SpliceList(), .passedThrough(reason, report))
        case .rewrite(let tree, let parts, let headerSplices):
            do {
                return (try splices(tree, parts, headerSplices, recipient: recipient), .tracked(report))
            } catch {
                let bare = PreparedMessage(
                    original: original, tokens: tokens, plan: .passThrough(error.reason), report: report)
                return (SpliceList(), .passedThrough(error.reason, bare.report))
            }
        }
    }

    private func splices(
        _ tree: MIMETree, _ parts: [PreparedPart], _ headerSplices: [Splice], recipient: Int
    ) throws(PassThrough) -> SpliceList {
        var list = SpliceList()
        var check = SelfCheck(original: original, tree: tree, tokens: tokens, recipient: recipient)
        do {
            for splice in headerSplices { try list.add(splice) }
            for part in parts {
                let edits = try part.edits(tokens, recipient: recipient)
                let edited = edits.applied(to: part.text.bytes)
                guard let content = part.text.encoded(edited, edits) else { throw PassThrough(.charsetUndecodable) }
                var body = QuotedPrintable.encode(content)
                let leaf = tree.parts[part.index]
                // The message's last line has to end; a soft break adds no line end to the text.
                if leaf.body.upperBound == original.count, body.last.map({ $0 != 0x0A }) ?? false {
                    body += "=\r\n".utf8
                }
                for splice in leaf.splicesLabelling(
                    charset: part.text.label, encoding: "quoted-printable", in: original)
                {
                    try list.add(splice)
                }
                try list.add(Splice(range: leaf.body, replacement: leaf.framed(body)))
                try check.verify(part, edited: edited, content: content, body: body)
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
    public var isTracked: Bool {
        switch plan {
        case .passThrough: false
        case .rewrite: true
        }
    }
}
