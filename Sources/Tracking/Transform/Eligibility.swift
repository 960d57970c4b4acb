import MailMessage

/// Which leaves may be rewritten (§3 of the contract).
struct Eligibility {
    /// Indexes of the `text/html` leaves that may be rewritten, in the order of the message.
    private(set) var html: [Int] = []
    /// Indexes of the `text/plain` leaves that may be rewritten.
    private(set) var plain: [Int] = []
    /// Why nothing is eligible, when `html` is empty.
    private(set) var reason = PassThroughReason.noHTMLPart
    /// Why nothing under a part may change, by the part's index.
    private var protections: [PassThroughReason?] = []

    init(_ tree: MIMETree, _ message: [UInt8]) {
        // Pre-order: a parent's verdict is known before its children come.
        protections.reserveCapacity(tree.parts.count)
        var isAttached: [Bool] = []
        for part in tree.parts {
            let protection = part.parent.flatMap { protections[$0] } ?? Self.protection(part.contentType)
            // An attachment's parts are the attachment (RFC 2183 §2.9).
            let isAttachment = part.parent.map { isAttached[$0] } ?? false || part.disposition?.isAttachment == true
            protections.append(protection)
            isAttached.append(isAttachment)
            guard part.children.isEmpty else { continue }
            // To some readers it is another part, with another encoding, or several: what is written here would be theirs.
            guard !Self.isLabelledBehindCut(part, message) else {
                if reason == .noHTMLPart { reason = .brokenHeader }
                continue
            }
            let isHTML = part.contentType.is("text", "html")
            if let protection {
                if isHTML && !isAttachment || reason == .noHTMLPart { reason = protection }
            } else if !isAttachment, isHTML {
                html.append(part.index)
            } else if !isAttachment, part.contentType.is("text", "plain") {
                plain.append(part.index)
            }
        }
    }

    /// Whether a part's own header may be repaired: a signature around it covers that too.
    func mayRepairHeader(of part: MIMEPart) -> Bool { part.parent.flatMap { protections[$0] } == nil }

    /// Whether a line that is no field ended the header in front of fields that say what the part is.
    private static func isLabelledBehindCut(_ part: MIMEPart, _ message: [UInt8]) -> Bool {
        // Not those of the part behind it.
        part.header.fieldsBehindCut(in: message).contains {
            $0.whole.lowerBound < part.body.upperBound && $0.lowercasedName(in: message).hasPrefix("content-")
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
