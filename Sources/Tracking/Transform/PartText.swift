import HTMLRewriting
import MailMessage

/// The decoded text of one leaf, and how it will be labelled when it is written back.
struct PartText {
    /// How the edited bytes become the part's content.
    enum Output {
        /// They are UTF-8 and are labelled so.
        case utf8
        /// They are UTF-8, and the edits are made in the octets they came from, whose charset and label stay.
        case original(Charset, [UInt8])
        /// They never left their charset; its label, or the want of one, stays.
        case inPlace
    }

    /// What is edited: UTF-8, or with ``Output/inPlace`` the part's own charset, an ASCII superset.
    let bytes: [UInt8]
    /// How it is written back.
    let output: Output
    /// The charset as it was read, in words for the report.
    let charset: String
    /// A repair worth a line in the report.
    let repair: String?
    /// What the bytes were in, where that is known.
    let source: Charset?

    private init(
        _ bytes: [UInt8], _ output: Output, _ charset: String, source: Charset?, repair: String? = nil
    ) {
        self.bytes = bytes
        self.output = output
        self.charset = charset
        self.source = source
        self.repair = repair
    }

    /// Decodes a leaf.
    static func decode(
        _ part: MIMEPart, of message: [UInt8], keepCharset: Bool
    ) -> Result<PartText, PassThrough> {
        guard let body = part.decodedBody(in: message) else { return .failure(PassThrough(.unknownEncoding)) }
        guard !body.isDoubtful else { return .failure(PassThrough(.doubtfulEncoding)) }
        let raw = body.bytes
        guard raw.count <= TransformLimits.maximumHTMLOctets else { return .failure(PassThrough(.htmlTooLarge)) }
        let label = part.contentType.parameter("charset").flatMap { $0.isEmpty ? nil : $0 }
        guard let label, !isASCII(label) else {
            return unlabelled(raw, declared: label, isHTML: part.contentType.is("text", "html"))
        }
        guard let charset = Charset(label: label) else {
            guard Charset.isPlainASCII(raw, label: label) else { return .failure(PassThrough(.unknownCharset)) }
            let repair = "a charset nobody knows over ASCII: edited in place, label kept"
            return .success(PartText(raw, .inPlace, label, source: nil, repair: repair))
        }
        return decode(raw, charset, label: label, keepCharset: keepCharset)
    }

    private static func decode(
        _ raw: [UInt8], _ charset: Charset, label: String, keepCharset: Bool
    ) -> Result<PartText, PassThrough> {
        do {
            let text = try charset.decodeToUTF8(raw)
            guard text.count <= TransformLimits.maximumHTMLOctets else { return .failure(PassThrough(.htmlTooLarge)) }
            guard keepCharset, !charset.isUTF8 else {
                return .success(PartText(text, .utf8, label, source: charset))
            }
            guard charset.canSplice else {
                let repair = "\(label) cannot be kept: UTF-8"
                return .success(PartText(text, .utf8, label, source: charset, repair: repair))
            }
            return .success(PartText(text, .original(charset, raw), label, source: charset))
        } catch {
            guard charset.isASCIISuperset else { return .failure(PassThrough(.charsetUndecodable)) }
            let repair = "bytes that are not in \(charset.name): edited in place, label kept"
            return .success(PartText(raw, .inPlace, label, source: charset, repair: repair))
        }
    }

    private static func isASCII(_ label: String) -> Bool {
        ["us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us"].contains(label.lowercased())
    }

    /// No label, or US-ASCII: what `<meta>` says, else UTF-8 where it is valid, else hands off the charset.
    private static func unlabelled(
        _ raw: [UInt8], declared: String?, isHTML: Bool
    ) -> Result<PartText, PassThrough> {
        let shown = declared ?? "none"
        guard raw.contains(where: { $0 >= 0x80 || $0 == 0x1B }) else {
            return .success(PartText(raw, .utf8, shown, source: .utf8))
        }
        if isHTML, let (charset, label) = declaredInside(raw), let text = try? charset.decodeToUTF8(raw) {
            let repair = "charset taken from the document: \(label)"
            return .success(PartText(text, .utf8, shown, source: charset, repair: repair))
        }
        // Korean text names its set first (RFC 1557).
        let isKorean = ByteSearch.firstIndex(of: "\u{1B}$)C", in: raw, from: 0) != nil
        for name in ["iso-2022-jp"] + (isKorean ? ["iso-2022-kr"] : []) where raw.contains(0x1B) {
            guard let charset = Charset(label: name), let text = try? charset.decodeToUTF8(raw) else { continue }
            return .success(PartText(text, .utf8, shown, source: charset, repair: "its escapes are those of \(name)"))
        }
        if let text = try? Charset.utf8.decodeToUTF8(raw), !raw.contains(0x1B) {
            let repair = "8-bit text labelled \(shown) was UTF-8: labelled so"
            return .success(PartText(text, .utf8, shown, source: .utf8, repair: repair))
        }
        let repair = "8-bit text labelled \(shown): edited in place"
        return .success(PartText(raw, .inPlace, shown, source: nil, repair: repair))
    }

    /// What `<meta>` says (HTML §13.2.3.2): UTF-16 in a document that could be read this far means UTF-8.
    private static func declaredInside(_ raw: [UInt8]) -> (Charset, label: String)? {
        guard let range = HTMLScan(raw).charsetDeclarations.first else { return nil }
        let label = String(decoding: raw[range], as: UTF8.self)
        guard !isASCII(label), let charset = Charset(label: label) else { return nil }
        return charset.name.hasPrefix("utf-16") ? (.utf8, "utf-8") : (charset, label)
    }

    /// The charset it will be labelled with; `nil` where the label stays.
    var label: String? {
        if case .utf8 = output { "UTF-8" } else { nil }
    }

    /// The part's new content before its transfer encoding; `nil` where its charset has no place for it.
    /// - Parameter edited: ``bytes`` with the edits made.
    func encoded(_ edited: [UInt8], _ edits: SpliceList) -> [UInt8]? {
        switch output {
        case .utf8, .inPlace: edited
        case .original(let charset, let octets): charset.splicing(edits, into: octets)
        }
    }

    /// Whether a reader finds the edited text in the new content.
    func reads(_ content: [UInt8], as edited: [UInt8]) -> Bool {
        switch output {
        case .utf8, .inPlace: content == edited
        case .original(let charset, _): (try? charset.decodeToUTF8(content)) == edited
        }
    }
}

/// A pass-through reason on its way out of a step.
struct PassThrough: Error {
    let reason: PassThroughReason
    init(_ reason: PassThroughReason) { self.reason = reason }
}
