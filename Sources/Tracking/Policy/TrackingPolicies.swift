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
    public var defaults: TagPolicy
    /// The tags that exist.
    public var tags: [TagName: TagPolicy]
    /// The rules; the first that matches counts.
    public var rules: [TrackingRule]
    /// A tag that is not configured.
    public var unknownTag: DefectPolicy
    /// A trace field that cannot be read.
    public var onBadTrace: DefectPolicy
    /// Number of the key that signs.
    public var keyID: KeyID

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
    }

    /// Names, in lower case, of the header fields that rules look at.
    public var neededHeaderNames: Set<String> {
        rules.reduce(into: []) { names, rule in
            if rule.subject != nil { names.insert("subject") }
            names.formUnion(rule.header.keys)
        }
    }

    /// Decides on a mail.
    public func decide(_ facts: MessageFacts) -> TraceVerdict {
        let rule = rules.first { $0.matches(facts) }
        if let rule, rule.override || facts.traceField == nil {
            return apply(rule.tag, opens: rule.opens, clicks: rule.clicks, facts, warnings: ["tag by \(rule.origin)"])
        }
        guard let field = facts.traceField else { return .untracked(.notAsked, detail: "") }
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
        _ policy: DefectPolicy, _ reason: UntrackedReason, _ enhanced: String, code: Int, _ text: String
    ) -> TraceVerdict {
        switch policy {
        case .untracked: .untracked(reason, detail: text)
        case .reject: .reject(code: code, enhanced: enhanced, text: text, reason)
        }
    }

    private func apply(
        _ tag: TagName, opens: Bool, clicks: Bool, _ facts: MessageFacts, warnings: [String]
    ) -> TraceVerdict {
        guard let policy = tags[tag] else { return .untracked(.unknownTag, detail: tag.description) }
        if facts.envelopeSender.isEmpty { return .untracked(.bounce, detail: "") }
        if policy.tracking == .off { return .untracked(.trackingOff, detail: "tag \(tag) has tracking = \"off\"") }
        if !policy.senders.isEmpty, !policy.senders.contains(where: { Glob($0).matches(facts.fromDomain ?? "") }) {
            return refuse(
                unknownTag, .senderNotAllowed, "5.7.1", code: 550,
                "tag \(tag) may not be used by From domain \"\(facts.fromDomain ?? "")\"; see its `senders`")
        }
        let open = policy.opens.applied(to: opens)
        let click = policy.clicks.applied(to: clicks)
        // Direct Mail counts what was sent under a tag even where it tracks nothing.
        guard open || click || policy.tracking == .upstream else {
            return .untracked(.flagsOff, detail: "tag \(tag)")
        }
        return .track(
            TrackingDecision(
                tag: tag, opens: open, clicks: click, policy: policy, keyID: keyID, warnings: warnings,
                trackingHosts: trackingHosts))
    }

    /// The tracking hosts of all tags, each once.
    private var trackingHosts: [String] {
        var hosts = [defaults.baseURL.host]
        for policy in tags.values where !hosts.contains(policy.baseURL.host) { hosts.append(policy.baseURL.host) }
        return hosts.sorted()
    }
}
