import HTMLRewriting
import MailMessage

/// Turns a message and the decision frozen with it into what goes upstream.
///
/// Pure: the same message, decision, id and recipient give the same bytes each time, so every retry sends what the first
/// attempt sent. What does not depend on the recipient is done once, in ``prepare(_:)``.
public struct MessageTransform: Sendable {
    /// The decision taken when the mail was accepted.
    public let decision: TrackingDecision
    /// The id its tokens carry.
    public let message: TrackingMessageID
    private let codec: TokenCodec

    /// A transform for one message.
    public init(decision: TrackingDecision, message: TrackingMessageID, codec: TokenCodec) {
        self.decision = decision
        self.message = message
        self.codec = codec
    }

    /// Reads the message and decides on each part and link.
    /// - Parameter original: as SMTP carries it: the last line is ended too.
    public func prepare(_ original: [UInt8]) -> PreparedMessage {
        let tokens = TokenURLs(codec: codec, key: decision.keyID, baseURL: decision.baseURL, message: message)
        let tree: MIMETree
        do {
            tree = try MIMETree.parse(original)
        } catch {
            return PreparedMessage(original: original, tokens: tokens, plan: .passThrough(.structureLimit))
        }
        var preparation = Preparation(original: original, tree: tree, decision: decision, tokens: tokens)
        return preparation.run()
    }
}

/// The recipient-independent half of the transform, while it runs.
struct Preparation {
    private let original: [UInt8]
    private let tree: MIMETree
    private let decision: TrackingDecision
    private let tokens: TokenURLs
    private var report = TransformReport()
    private var parts: [PreparedPart] = []
    private let eligible: Eligibility
    private var optedOut: Set<[UInt8]> = []
    private var nextLink = 0
    /// Whether the part that readers show has no place for an image.
    private var lacksPlace = false

    init(original: [UInt8], tree: MIMETree, decision: TrackingDecision, tokens: TokenURLs) {
        self.original = original
        self.tree = tree
        self.decision = decision
        self.tokens = tokens
        eligible = Eligibility(tree, original)
    }

    mutating func run() -> PreparedMessage {
        report.parts = tree.parts.map { part in
            PartReport(
                path: path(of: part), contentType: "\(part.contentType.type)/\(part.contentType.subtype)",
                charset: part.contentType.parameter("charset"),
                transferEncoding: part.transferEncodingLabel(in: original),
                rewritten: false, rewrittenAs: nil, links: [], pixel: nil)
        }
        report.warnings = decision.warnings
        do {
            try prepareParts()
        } catch {
            return PreparedMessage(
                original: original, tokens: tokens, plan: .passThrough(error.reason), report: report)
        }
        let splices = parts.isEmpty ? [] : headerSplices()
        return PreparedMessage(
            original: original, tokens: tokens, plan: .rewrite(tree, parts, headerSplices: splices), report: report)
    }

    private mutating func prepareParts() throws(PassThrough) {
        let root = tree.parts[0]
        if decision.dkimSigned == .passThrough, BodySignatures.isSigned(root.header, in: original) {
            throw PassThrough(.dkimSigned)
        }
        // They would become text of the rewritten part.
        guard DroppedFields.behindCut(root.header, original).isEmpty else { throw PassThrough(.brokenHeader) }
        let tracksText = decision.textLinks && decision.clicks && decision.mode == .local
        guard !eligible.html.isEmpty || tracksText && !eligible.plain.isEmpty else {
            throw PassThrough(eligible.reason)
        }
        let unsubscribe = root.header.all("List-Unsubscribe", in: original).map {
            HeaderSection.unfolded($0.body, in: original)
        }
        let rules = LinkRules(
            decision: decision, listUnsubscribe: LinkRules.listUnsubscribeURLs(in: unsubscribe))
        for index in eligible.html { try prepareHTML(tree.parts[index], rules: rules) }
        for index in eligible.plain { try preparePlain(tree.parts[index], rules: rules, tracksLinks: tracksText) }
        placePixel()
        leaveUnchangedParts()
        guard !parts.isEmpty else {
            throw PassThrough(
                eligible.html.isEmpty ? eligible.reason : lacksPlace ? .noPlaceForPixel : .nothingToTrack)
        }
    }

    /// A part in which nothing is tracked stays as it is; for Direct Mail every one is re-encoded (§7).
    private mutating func leaveUnchangedParts() {
        guard decision.mode == .local else { return }
        for part in parts where part.links.isEmpty && part.pixel == nil {
            report.parts[part.index].rewritten = false
            report.parts[part.index].rewrittenAs = nil
        }
        parts.removeAll { $0.links.isEmpty && $0.pixel == nil }
    }

    // MARK: HTML

    /// Direct Mail wants UTF-8.
    private var keepsCharset: Bool { decision.charset == .keep && decision.mode == .local }

    private mutating func prepareHTML(_ part: MIMEPart, rules: LinkRules) throws(PassThrough) {
        let text = try PartText.decode(part, of: original, keepCharset: keepsCharset).get()
        if InlinePGP.isPresent(in: text.bytes) { throw PassThrough(.inlinePGP) }
        let scan = HTMLScan(text.bytes)
        if scan.links.count == HTMLScan.maximumLinks {
            report.warnings.append(
                "part \(path(of: part)): only the first \(HTMLScan.maximumLinks) links are looked at")
        }
        var prepared = PreparedPart(index: part.index, text: text, isHTML: true)
        prepared.found = scan.links.map { ($0.value, $0.url) }
        prepared.images = scan.images
        if case .utf8 = text.output {
            prepared.declarations = scan.charsetDeclarations.filter { !HTMLScan.namesUTF8(text.bytes[$0]) }
        }
        var links: [LinkReport] = []
        for link in scan.links { links.append(decide(link, in: text, rules: rules, part: &prepared)) }
        if decision.mode == .upstream {
            prepared.insertions = scan.pixel.bodyElement
            if !prepared.insertions.isEmpty { report.repairs.append("part \(path(of: part)): <body> element put in") }
        }
        note(part: part, text: text, links: links)
        scans[part.index] = scan
        parts.append(prepared)
    }

    private var scans: [Int: HTMLScan] = [:]

    private mutating func decide(
        _ link: HTMLLink, in text: PartText, rules: LinkRules, part: inout PreparedPart
    ) -> LinkReport {
        let own = rules.reason(toLeave: link, in: text.bytes)
        let reason = own ?? (decision.mode == .upstream ? .leftToUpstream : nil)
        if reason == .traceOff || reason == .otherMarker { optedOut.insert(link.url) }
        let outcome = place(link.url, at: link.value, quoting: link.quoting, unless: reason, in: &part)
        return Self.report(link.element.rawValue, link.url, outcome)
    }

    private mutating func place(
        _ url: [UInt8], at range: Range<Int>, quoting: Quoting, unless reason: LinkReason?, in part: inout PreparedPart,
        closes: Bool = false
    ) -> LinkOutcome {
        if let reason { return .left(reason) }
        guard let requested = part.text.requested(url, writtenAt: range) else { return .left(.undecodable) }
        let target = CampaignParameters.appended(decision.utm, to: requested)
        let octets = tokens.clickURLOctets(target: target.count, number: nextLink)
        guard octets + (part.isHTML ? 0 : PreparedPart.closingOctets) <= TokenLimits.maximumURLOctets else {
            return .left(.tooLong)
        }
        let number = nextLink
        nextLink += 1
        part.links.append(.init(range: range, quoting: quoting, number: number, target: target, closes: closes))
        return .tracked(number: number)
    }

    private static func report(_ element: String, _ url: [UInt8], _ outcome: LinkOutcome) -> LinkReport {
        let text = String(decoding: url.prefix(2_048), as: UTF8.self)
        switch outcome {
        case .tracked(let number): return LinkReport(element: element, url: text, number: number, reason: nil)
        case .left(let reason): return LinkReport(element: element, url: text, number: nil, reason: reason)
        }
    }

    // MARK: Plain text

    private mutating func preparePlain(_ part: MIMEPart, rules: LinkRules, tracksLinks: Bool) throws(PassThrough) {
        if let body = part.decodedBody(in: original), InlinePGP.isPresent(in: body.bytes) {
            throw PassThrough(.inlinePGP)
        }
        guard tracksLinks else { return }
        let text: PartText
        switch PartText.decode(part, of: original, keepCharset: keepsCharset) {
        case .success(let decoded): text = decoded
        case .failure(let failure):
            // It stays as it is; the HTML part does not suffer for it.
            return report.warnings.append("part \(path(of: part)) is not looked at: \(failure.reason.sentence)")
        }
        var prepared = PreparedPart(index: part.index, text: text, isHTML: false)
        var links: [LinkReport] = []
        prepared.deletesSpaces =
            part.contentType.parameter("format")?.lowercased() == "flowed"
            && part.contentType.parameter("delsp")?.lowercased() == "yes"
        for link in PlainTextLinks.find(in: text.bytes, deletesSpaces: prepared.deletesSpaces) {
            prepared.found.append((link.range, link.url))
            var reason = optedOut.contains(link.url) ? .traceOff : rules.reason(toLeave: link.url)
            if reason == nil, !link.isCertain { reason = .unclearEnd }
            let outcome = place(
                link.url, at: link.range, quoting: .noValue, unless: reason, in: &prepared, closes: link.needsClosing)
            links.append(Self.report("text", link.url, outcome))
        }
        note(part: part, text: text, links: links)
        parts.append(prepared)
    }

    // MARK: Pixel

    /// The pixel goes into the part that readers show: of alternatives the last one, else the first.
    private mutating func placePixel() {
        guard decision.opens, decision.mode == .local, let index = PixelChoice(tree, scans, original).part,
            let slot = parts.firstIndex(where: { $0.index == index }), let places = scans[index]?.pixel
        else { return }
        guard places.hasPlace else {
            lacksPlace = true
            return report.warnings.append(
                "part \(path(of: tree.parts[index])) is a frameset, which shows no image: no pixel")
        }
        let onTop = places.afterBodyStart ?? places.top
        let atBottom = places.beforeBodyEnd ?? places.beforeHTMLEnd
        let wantsTop =
            switch decision.pixel {
            case .top: true
            case .bottom: false
            case .auto: parts[slot].text.bytes.count > TransformLimits.pixelOnTopOctets
            }
        let unclosed = atBottom == nil ? places.unclosed : nil
        let swallowed = unclosed != nil
        let place = wantsTop || swallowed ? onTop : atBottom ?? places.end
        parts[slot].pixel = place
        report.parts[index].pixel = wantsTop || swallowed ? "top" : "bottom"
        if let unclosed, !wantsTop {
            report.repairs.append("the document ends inside \(unclosed.words): pixel at the top")
        }
    }

    // MARK: Header and report

    /// Labels of multiparts that no parser could obey, signatures that the change breaks, and the field without which the
    /// labels mean nothing to a strict reader (RFC 2045 §4).
    private mutating func headerSplices() -> [Splice] {
        var splices: [Splice] = []
        for part in tree.parts where eligible.mayRepairHeader(of: part) {
            let repair = part.splicesNeutralisingEncodingLabel(in: original)
            if !repair.isEmpty {
                report.repairs.append(
                    "part \(path(of: part)): a multipart cannot be \(part.transferEncodingLabel(in: original)): label replaced"
                )
            }
            splices += repair
        }
        for part in parts {
            let leaf = tree.parts[part.index]
            for case .duplicateField(let name) in leaf.defects where name != "Content-Disposition" {
                report.repairs.append("part \(path(of: leaf)): a second \(name) removed")
            }
        }
        let described = tree.splicesRemovingBodyFields(ofChanged: parts.map(\.index), in: original)
        if !described.isEmpty { report.repairs.append("lengths and digests of the old content removed") }
        splices += described
        let header = tree.parts[0].header
        if decision.dkimSigned == .remove {
            let signatures = BodySignatures.fields(of: header, in: original)
            var names = signatures.map { String(decoding: original[$0.name].prefix(64), as: UTF8.self) }
            names = names.indices.filter { !names[..<$0].contains(names[$0]) }.map { names[$0] }
            report.repairs += names.prefix(16).map { "\($0) removed, since the change breaks it" }
            splices += signatures.map { Splice(range: $0.whole, replacement: []) }
        }
        if header.first("MIME-Version", in: original) == nil {
            report.repairs.append("MIME-Version put in")
            // In front, where no reader disagrees on what is header.
            let start = header.fields.first?.whole.lowerBound ?? header.range.upperBound
            splices.append(Splice(range: start..<start, replacement: Array("MIME-Version: 1.0\r\n".utf8)))
        }
        return splices
    }

    private mutating func note(part: MIMEPart, text: PartText, links: [LinkReport]) {
        report.parts[part.index].charset = text.charset
        report.parts[part.index].rewritten = true
        let label =
            switch text.output {
            case .utf8: "UTF-8"
            case .original, .inPlace: text.charset
            }
        report.parts[part.index].rewrittenAs = "\(label), quoted-printable"
        let room = TransformLimits.maximumReportedLinks - report.parts.reduce(0) { $0 + $1.links.count }
        report.parts[part.index].links = Array(links.prefix(max(0, room)))
        if let repair = text.repair { report.repairs.append("part \(path(of: part)): \(repair)") }
    }

    private func path(of part: MIMEPart) -> String {
        var steps: [String] = []
        var current = part
        while let parent = current.parent {
            let siblings = tree.parts[parent].children
            steps.append(String((siblings.firstIndex(of: current.index) ?? 0) + 1))
            current = tree.parts[parent]
        }
        return (["1"] + steps.reversed()).joined(separator: ".")
    }
}
