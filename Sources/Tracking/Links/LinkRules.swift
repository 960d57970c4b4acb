import HTMLRewriting
import MailMessage

/// Decides for each link whether it is tracked (§4 of the contract: first reason found wins).
struct LinkRules {
    /// The decision frozen with the message.
    let decision: TrackingDecision
    /// The URLs of the message's List-Unsubscribe field.
    let listUnsubscribe: Set<[UInt8]>
    /// The tracking hosts of all tags, in lower case.
    private let trackingHosts: Set<[UInt8]>

    init(decision: TrackingDecision, listUnsubscribe: Set<[UInt8]>) {
        self.decision = decision
        self.listUnsubscribe = listUnsubscribe
        trackingHosts = Set(decision.trackingHosts.map { Array($0.lowercased().utf8) })
    }

    /// The reason to leave an HTML link alone, or `nil` to track it.
    func reason(toLeave link: HTMLLink, in html: [UInt8]) -> LinkReason? {
        if let reason = Self.marker(on: link, in: html) { return reason }
        if let reason = reason(toLeave: link.url) { return reason }
        if decision.labelIsURL == .leave, let text = link.text,
            Self.shows(HTMLText.plainText(of: html, in: text), link.url)
        {
            return .labelIsURL
        }
        return nil
    }

    /// The reason to leave a URL alone wherever it stands, or `nil` to track it.
    func reason(toLeave url: [UInt8]) -> LinkReason? {
        let target: LinkTarget
        switch LinkTarget.parse(url) {
        case .success(let parsed): target = parsed
        // A marker in the place of the host is the better reason.
        case .failure(let error)
        where error.refusal == .invalidHost && decision.clicks && TemplateMarkers.stand(in: url):
            return .templateMarker
        case .failure(let error): return Self.reason(for: error.refusal)
        }
        if !decision.clicks { return .clicksOff }
        if TemplateMarkers.stand(in: url) { return .templateMarker }
        if trackingHosts.contains(target.hostWithoutFinalDot) { return .alreadyTracked }
        if target.isPrivate { return .privateHost }
        if decision.exclude.contains(where: { $0.matches(host: target.hostWithoutFinalDot, url: url) }) {
            return .excluded
        }
        if listUnsubscribe.contains(url) { return .listUnsubscribe }
        if target.isSecure, !decision.baseURL.isSecure, !decision.baseURL.isLoopback { return .secureTarget }
        return nil
    }

    private static func reason(for refusal: LinkTarget.Refusal) -> LinkReason {
        switch refusal {
        case .empty: .empty
        case .fragment: .fragment
        case .relative: .relative
        case .otherScheme: .otherScheme
        case .noHost: .noHost
        case .invalidHost: .invalidHost
        }
    }

    /// `data-alidm-traceoff` with any value or none, or another vendor's way of saying the same.
    static func marker(on link: HTMLLink, in html: [UInt8]) -> LinkReason? {
        if link.attribute("data-alidm-traceoff", in: html) != nil { return .traceOff }
        for name in ["ses:no-track", "data-pm-no-track", "mc:disable-tracking"] as [StaticString]
        where link.attribute(name, in: html) != nil {
            return .otherMarker
        }
        let values: [(StaticString, String)] = [
            ("clicktracking", "off"), ("disable-tracking", "true"), ("data-msys-clicktrack", "0"),
        ]
        for (name, value) in values {
            guard let attribute = link.attribute(name, in: html) else { continue }
            let text = HTMLAttributeValue.decoded(html, attribute.value)
            if text.map({ UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }).elementsEqual(value.utf8) {
                return .otherMarker
            }
        }
        return nil
    }

    /// Whether a link's visible text is the address it leads to, give or take the scheme and a final slash.
    static func shows(_ label: [UInt8], _ url: [UInt8]) -> Bool {
        func bare(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
            var rest = bytes[...]
            while let last = rest.last, last <= 0x20 || last == UInt8(ascii: "/") { rest.removeLast() }
            while let first = rest.first, first <= 0x20 { rest.removeFirst() }
            for scheme in ["https://", "http://"] where rest.starts(with: scheme.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
                return rest.dropFirst(scheme.utf8.count)
            }
            return rest
        }
        let shown = bare(label)
        return !shown.isEmpty && shown.elementsEqual(bare(url))
    }

    /// The URLs between angle brackets in a List-Unsubscribe field (RFC 2369 §2).
    static func listUnsubscribeURLs(in fieldBodies: [[UInt8]]) -> Set<[UInt8]> {
        var urls: Set<[UInt8]> = []
        for body in fieldBodies.map(EncodedWord.decode) {
            for piece in body.split(separator: UInt8(ascii: "<")).prefix(16) {
                guard let close = piece.firstIndex(of: UInt8(ascii: ">")) else { continue }
                urls.insert(piece[..<close].filter { $0 > 0x20 })
            }
        }
        return urls
    }
}
