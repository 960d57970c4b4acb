import HTMLRewriting
import MailMessage

/// The decoded text of one leaf, and how it will be labelled when it is written back.
struct PartText {
    /// How the edited bytes become the part's content.
    enum Output {
        /// They are UTF-8 and are labelled so.
        case utf8
        /// They are UTF-8 and go back into the charset they came from, whose label stays.
        case original(Charset)
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

    private init(_ bytes: [UInt8], _ output: Output, _ charset: String, repair: String? = nil) {
        self.bytes = bytes
        self.output = output
        self.charset = charset
        self.repair = repair
    }

    /// Decodes a leaf.
    static func decode(
        _ part: MIMEPart, of message: [UInt8], keepCharset: Bool
    ) -> Result<PartText, PassThrough> {
        let raw: [UInt8]
        switch part.transferEncoding {
        case .quotedPrintable: raw = QuotedPrintable.decode(message, in: part.body).bytes
        case .base64: raw = Base64.decode(message, in: part.body).bytes
        case .sevenBit, .eightBit, .binary: raw = Array(message[part.body])
        case .unknown: return .failure(PassThrough(.unknownEncoding))
        }
        guard raw.count <= TransformLimits.maximumHTMLOctets else { return .failure(PassThrough(.htmlTooLarge)) }
        let label = part.contentType.parameter("charset")
        guard let label, !isASCII(label) else {
            return unlabelled(raw, declared: label, isHTML: part.contentType.is("text", "html"))
        }
        guard let charset = Charset(label: label) else { return .failure(PassThrough(.unknownCharset)) }
        return decode(raw, charset, label: label, keepCharset: keepCharset)
    }

    private static func decode(
        _ raw: [UInt8], _ charset: Charset, label: String, keepCharset: Bool
    ) -> Result<PartText, PassThrough> {
        do {
            let text = try charset.decodeToUTF8(raw)
            let keeps = keepCharset && !charset.isUTF8
            return .success(PartText(text, keeps ? .original(charset) : .utf8, label))
        } catch {
            guard charset.isASCIISuperset else { return .failure(PassThrough(.charsetUndecodable)) }
            let repair = "bytes that are not in \(charset.name): edited in place, label kept"
            return .success(PartText(raw, .inPlace, label, repair: repair))
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
        guard raw.contains(where: { $0 >= 0x80 || $0 == 0x1B }) else { return .success(PartText(raw, .utf8, shown)) }
        if isHTML, let range = HTMLScan(raw).charsetDeclarations.first,
            case let meta = String(decoding: raw[range], as: UTF8.self), !isASCII(meta),
            let charset = Charset(label: meta),
            let text = try? charset.decodeToUTF8(raw)
        {
            return .success(PartText(text, .utf8, shown, repair: "charset taken from the document: \(charset.name)"))
        }
        if let text = try? Charset.utf8.decodeToUTF8(raw) {
            return .success(PartText(text, .utf8, shown, repair: "8-bit text without a charset was UTF-8: labelled so"))
        }
        return .success(PartText(raw, .inPlace, shown, repair: "8-bit text without a charset: edited in place"))
    }

    /// The part's new content before its transfer encoding.
    func encoded(_ edited: [UInt8]) -> (bytes: [UInt8], label: String?) {
        switch output {
        case .utf8: return (edited, "UTF-8")
        case .inPlace: return (edited, nil)
        case .original(let charset):
            guard let bytes = try? charset.encodeFromUTF8(edited) else { return (edited, "UTF-8") }
            return (bytes, nil)
        }
    }
}

/// A pass-through reason on its way out of a step.
struct PassThrough: Error {
    let reason: PassThroughReason
    init(_ reason: PassThroughReason) { self.reason = reason }
}
