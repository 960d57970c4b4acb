/// What happens to a mail whose tracking wish cannot be met.
public enum DefectPolicy: String, Sendable, CaseIterable {
    /// It goes out untracked; the reason is logged and counted.
    case untracked
    /// It is refused, with a text that names the defect.
    case reject
}

/// The tags, the rules, and the decision they lead to.
public struct TrackingPolicies: Sendable {
    /// What every tag inherits.
    public var defaults: TagPolicy { didSet { baseURLs = Self.baseURLs(defaults, tags) } }
    /// The tags that exist.
    public var tags: [TagName: TagPolicy] { didSet { baseURLs = Self.baseURLs(defaults, tags) } }
    /// The rules; the first that matches counts.
    public var rules: [TrackingRule] { didSet { neededHeaderNames = Self.neededHeaderNames(rules) } }
    /// A tag that is not configured.
    public var unknownTag: DefectPolicy
    /// A trace field that cannot be read.
    public var onBadTrace: DefectPolicy
    /// Number of the key that signs.
    public var keyID: KeyID
    /// The tracking hosts' addresses, each once. Kept, as all that follows: each tracked mail asks, and tags are many.
    public private(set) var baseURLs: Set<BaseURL> { didSet { trackingHosts = Self.hosts(baseURLs) } }
    /// Names, in lower case, of the header fields that rules look at.
    public private(set) var neededHeaderNames: Set<String>
    private var trackingHosts: [String]

    /// Policies with all their parts.
    public init(
        defaults: TagPolicy, tags: [TagName: TagPolicy] = [:], rules: [TrackingRule] = [],
        unknownTag: DefectPolicy = .untracked, onBadTrace: DefectPolicy = .untracked, keyID: KeyID = 1
    ) {
        self.defaults = defaults
        self.tags = tags
        self.rules = rules
        self.unknownTag = unknownTag
        self.onBadTrace = onBadTrace
        self.keyID = keyID
        baseURLs = Self.baseURLs(defaults, tags)
        trackingHosts = Self.hosts(baseURLs)
        neededHeaderNames = Self.neededHeaderNames(rules)
    }

    private static func baseURLs(_ defaults: TagPolicy, _ tags: [TagName: TagPolicy]) -> Set<BaseURL> {
        Set(tags.values.map(\.baseURL)).union([defaults.baseURL])
    }

    private static func hosts(_ urls: Set<BaseURL>) -> [String] { Set(urls.map(\.host)).sorted() }

    private static func neededHeaderNames(_ rules: [TrackingRule]) -> Set<String> {
        rules.reduce(into: []) { names, rule in
            if rule.subject != nil { names.insert("subject") }
            names.formUnion(rule.header.keys)
        }
    }

    /// The upstream the mail of a tag goes by, tracked or not; `nil` for the default one. A sender who may not use the tag
    /// may not use its account either.
    public func upstream(of verdict: TraceVerdict) -> String? {
        switch verdict {
        case .track(let decision): tags[decision.tag]?.upstream
        case .untracked(.senderNotAllowed, _, _), .reject: nil
        case .untracked(_, _, let tag): tag.flatMap { tags[$0]?.upstream }
        }
    }

    /// What may be stored of a mail's people, tracked or not.
    public func privacy(of verdict: TraceVerdict) -> Privacy {
        switch verdict {
        case .track(let decision): decision.privacy
        case .untracked(_, _, let tag): (tag.flatMap { tags[$0] } ?? defaults).privacy
        case .reject: defaults.privacy
        }
    }

    /// Decides on a mail.
    public func decide(_ facts: MessageFacts) -> TraceVerdict {
        let rule = rules.first { $0.matches(facts) }
        if let rule, rule.override || facts.traceField == nil {
            return apply(rule.tag, opens: rule.opens, clicks: rule.clicks, facts, warnings: ["tag by \(rule.origin)"])
        }
        guard let field = facts.traceField else { return .untracked(.notAsked, detail: "", tag: nil) }
        switch TraceHeader.parse(field) {
        case .failure(let defect):
            return refuse(onBadTrace, .malformedTrace, "5.6.0", code: 554, "X-AliDM-Trace: \(defect.sentence)")
        case .success(let request):
            guard let tag = TagName(request.tagName) else {
                return refuse(
                    unknownTag, .unknownTag, "5.7.1", code: 550,
                    "X-AliDM-Trace: \"\(request.tagName.prefix(128))\" is no tag: 1 to 128 letters, digits, \"_\" and \"-\""
                )
            }
            guard tags[tag] != nil else {
                let shown = request.tagName
                return refuse(
                    unknownTag, .unknownTag, "5.7.1", code: 550,
                    "X-AliDM-Trace: tag \"\(shown)\" is not configured; add [tag.NAME] to relay.conf")
            }
            return apply(tag, opens: request.opens, clicks: request.clicks, facts, warnings: request.warnings)
        }
    }

    private func refuse(
        _ policy: DefectPolicy, _ reason: UntrackedReason, _ enhanced: String, code: Int, _ text: String,
        tag: TagName? = nil
    ) -> TraceVerdict {
        switch policy {
        case .untracked: .untracked(reason, detail: text, tag: tag)
        case .reject: .reject(code: code, enhanced: enhanced, text: text, reason)
        }
    }

    private func apply(
        _ tag: TagName, opens: Bool, clicks: Bool, _ facts: MessageFacts, warnings: [String]
    ) -> TraceVerdict {
        guard let policy = tags[tag] else { return .untracked(.unknownTag, detail: tag.description, tag: nil) }
        if facts.envelopeSender.isEmpty { return .untracked(.bounce, detail: "", tag: tag) }
        if policy.tracking == .off {
            return .untracked(.trackingOff, detail: "tag \(tag) has tracking = \"off\"", tag: tag)
        }
        if !policy.senders.isEmpty, !policy.senders.contains(where: { $0.matches(facts.fromDomain ?? "") }) {
            return refuse(
                unknownTag, .senderNotAllowed, "5.7.1", code: 550,
                "tag \(tag) may not be used by From domain \"\(facts.fromDomain ?? "")\"; see its `senders`", tag: tag)
        }
        let open = policy.opens.applied(to: opens)
        let click = policy.clicks.applied(to: clicks)
        // Direct Mail counts what was sent under a tag even where it tracks nothing.
        guard open || click || policy.tracking == .upstream else {
            return .untracked(.flagsOff, detail: "tag \(tag)", tag: tag)
        }
        return .track(
            TrackingDecision(
                tag: tag, opens: open, clicks: click, policy: policy, keyID: keyID, warnings: warnings,
                trackingHosts: trackingHosts))
    }
}
