import MailMessage

/// Which leaves may be rewritten (§3 of the contract).
struct Eligibility {
    /// Indexes of the `text/html` leaves that may be rewritten, in the order of the message.
    private(set) var html: [Int] = []
    /// Indexes of the `text/plain` leaves that may be rewritten.
    private(set) var plain: [Int] = []
    /// Why nothing is eligible, when `html` is empty.
    private(set) var reason = PassThroughReason.noHTMLPart

    init(_ tree: MIMETree) {
        // Pre-order: a parent's verdict is known before its children come.
        var verdicts: [PassThroughReason?] = []
        verdicts.reserveCapacity(tree.parts.count)
        for part in tree.parts {
            let inherited = part.parent.flatMap { verdicts[$0] }
            let verdict = inherited ?? Self.protection(part.contentType)
            verdicts.append(verdict)
            guard part.children.isEmpty, part.disposition?.isAttachment != true else { continue }
            if part.contentType.is("text", "html") {
                if let verdict { reason = verdict } else { html.append(part.index) }
            } else if let verdict {
                if reason == .noHTMLPart { reason = verdict }
            } else if verdict == nil, part.contentType.is("text", "plain") {
                plain.append(part.index)
            }
        }
    }

    /// Why nothing under a part of this type may change.
    private static func protection(_ type: ContentType) -> PassThroughReason? {
        switch (type.type, type.subtype) {
        case ("multipart", "signed"), ("application", "pkcs7-mime"), ("application", "x-pkcs7-mime"): .signed
        case ("multipart", "encrypted"): .encrypted
        case ("multipart", "report"): .report
        default: nil
        }
    }
}
