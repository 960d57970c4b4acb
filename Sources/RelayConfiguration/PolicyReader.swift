import TOMLKit
import Tracking

/// Reads `[tracking]`, `[tag.NAME]` and `[[rule]]`.
struct PolicyReader {
    let root: SectionReader
    let upstreams: Set<String>

    func read() -> (policies: TrackingPolicies, origins: [PolicyValue])? {
        guard let section = root.table("tracking") else {
            root.findings.error([], "no [tracking] section; add one with `base-url = \"https://track.example.com\"`")
            return nil
        }
        section.check(Schema.tracking.map(\.name))
        guard let base = baseURL(section) else {
            if !section.has("base-url") {
                root.findings.error(section.path, "[tracking] needs `base-url`, the tracking host")
            }
            return nil
        }
        var origins = Dictionary(uniqueKeysWithValues: Schema.policy.map { ($0.name, "built in") })
        origins["senders"] = "built in"
        let defaults = policy(section, from: TagPolicy(baseURL: base), &origins)
        var policies = TrackingPolicies(
            defaults: defaults, unknownTag: section.word("unknown-tag", DefectPolicy.self) ?? .untracked,
            onBadTrace: section.word("on-bad-trace", DefectPolicy.self) ?? .untracked)
        var values: [PolicyValue] = []
        for (name, tag) in tags() {
            var origins = origins
            let policy = policy(tag, from: defaults, &origins)
            policies.tags[name] = policy
            values += Self.table(name, policy, origins)
        }
        policies.rules = rules(policies)
        return (policies, values)
    }

    private func tags() -> [(TagName, SectionReader)] {
        guard let section = root.table("tag") else { return [] }
        return section.table.keys.sorted().compactMap { key in
            guard let name = TagName(key) else {
                root.findings.error(section.path + [key], "a tag's name is 1 to 128 letters, digits, \"_\" and \"-\"")
                return nil
            }
            guard let inner = section.table(key) else { return nil }
            inner.check(Schema.tag.map(\.name))
            return (name, inner)
        }
    }

    private func baseURL(_ section: SectionReader) -> BaseURL? {
        guard let text = section.string("base-url") else { return nil }
        do {
            let url = try BaseURL(text)
            if !url.isSecure, !url.isLoopback {
                root.findings.warning(
                    section.path + ["base-url"], "base-url: with http, links to https pages stay untracked")
            }
            return url
        } catch {
            section.fail("base-url", error.description)
            return nil
        }
    }

    private func policy(_ section: SectionReader, from defaults: TagPolicy, _ origins: inout [String: String])
        -> TagPolicy
    {
        var policy = defaults
        for key in Schema.tag.map(\.name) where section.has(key) {
            let line = section.findings.position(of: section.path + [key]).line
            origins[key] = "[\(KeyLocator.join(section.path))], line \(line)"
        }
        if let value = section.word("opens", AskPolicy.self) { policy.opens = value }
        if let value = section.word("clicks", AskPolicy.self) { policy.clicks = value }
        if let value = section.word("tracking", TrackingMode.self) { policy.tracking = value }
        if let value = baseURL(section) { policy.baseURL = value }
        if let value = section.word("recipients", RecipientsPolicy.self) { policy.recipients = value }
        if let value = section.boolean("text-links") { policy.textLinks = value }
        if let value = section.strings("exclude") { policy.exclude = value.map { LinkPattern($0) } }
        if let value = section.word("label-is-url", LabelPolicy.self) { policy.labelIsURL = value }
        if let value = section.word("pixel", PixelPolicy.self) { policy.pixel = value }
        if let value = section.word("charset", CharsetPolicy.self) { policy.charset = value }
        if let value = section.word("dkim-signed", DKIMPolicy.self) { policy.dkimSigned = value }
        if let value = section.word("privacy", Privacy.self) { policy.privacy = value }
        if let value = section.boolean("keep-subject") { policy.keepsSubject = value }
        if let value = section.duration("keep-source") { policy.keepSource = value }
        if let value = section.duration("keep-personal") { policy.keepPersonal = value }
        if let value = section.duration("keep-hits") { policy.keepHits = value }
        if let value = section.duration("keep-figures") { policy.keepFigures = value }
        if let value = section.strings("senders") { policy.senders = value.map { $0.lowercased() } }
        if let value = section.string("upstream") {
            if !upstreams.contains(value) {
                let hint = Schema.suggestion(for: value, among: Array(upstreams)).map { "; did you mean \"\($0)\"?" }
                section.fail("upstream", "there is no [upstream.\(value)]\(hint ?? "")")
            }
            policy.upstream = value
        }
        if let utm = section.table("utm") {
            policy.utm = utm.table.keys.sorted().compactMap { key in
                utm.string(key).map { CampaignParameter(name: key, value: $0) }
            }
        }
        return policy
    }

    // MARK: Rules

    private func rules(_ policies: TrackingPolicies) -> [TrackingRule] {
        root.tables("rule").enumerated().compactMap { number, section in
            section.check(Schema.rule.map(\.name))
            guard let name = section.string("tag") else {
                if !section.has("tag") { section.findings.error(section.path, "a rule needs `tag`") }
                return nil
            }
            guard let tag = TagName(name), policies.tags[tag] != nil else {
                let known = policies.tags.keys.map(\.description)
                let hint = Schema.suggestion(for: name, among: known).map { "; did you mean \"\($0)\"?" }
                section.fail("tag", "there is no [tag.\(name)]\(hint ?? "")")
                return nil
            }
            var rule = TrackingRule(tag: tag)
            rule.origin = "[[rule]] \(number + 1), line \(section.findings.position(of: section.path).line)"
            rule.opens = section.boolean("opens") ?? true
            rule.clicks = section.boolean("clicks") ?? true
            rule.override = section.boolean("override") ?? false
            readConditions(section, &rule)
            return rule
        }
    }

    private func readConditions(_ section: SectionReader, _ rule: inout TrackingRule) {
        rule.listener = section.endpoint("listener")?.description
        rule.network = section.parsed("network", "a network such as \"10.0.0.0/8\"") { IPNetwork($0) }
        rule.authUser = section.string("auth-user").map { Glob($0) }
        rule.envelopeSender = section.string("envelope-sender").map { Glob($0) }
        rule.fromDomain = section.string("from-domain").map { Glob($0) }
        rule.recipientDomain = section.string("recipient-domain").map { Glob($0) }
        rule.subject = section.string("subject").map { Glob($0) }
        guard let header = section.table("header") else { return }
        for name in header.table.keys {
            if let glob = header.string(name) { rule.header[name.lowercased()] = Glob(glob) }
        }
    }

    // MARK: check-config

    private static func table(_ tag: TagName, _ policy: TagPolicy, _ origins: [String: String]) -> [PolicyValue] {
        func quoted(_ text: String) -> String { "\"\(text)\"" }
        let values: [(String, String)] = [
            ("opens", quoted(policy.opens.rawValue)), ("clicks", quoted(policy.clicks.rawValue)),
            ("tracking", quoted(policy.tracking.rawValue)), ("base-url", quoted(policy.baseURL.description)),
            ("recipients", quoted(policy.recipients.rawValue)), ("text-links", "\(policy.textLinks)"),
            ("exclude", "[\(policy.exclude.map { quoted($0.description) }.joined(separator: ", "))]"),
            ("label-is-url", quoted(policy.labelIsURL.rawValue)),
            ("utm", "{\(policy.utm.map { "\($0.name) = \(quoted($0.value))" }.joined(separator: ", "))}"),
            ("pixel", quoted(policy.pixel.rawValue)), ("charset", quoted(policy.charset.rawValue)),
            ("dkim-signed", quoted(policy.dkimSigned.rawValue)), ("upstream", quoted(policy.upstream ?? "default")),
            ("privacy", quoted(policy.privacy.rawValue)), ("keep-subject", "\(policy.keepsSubject)"),
            ("keep-source", quoted(Quantity.text(policy.keepSource))),
            ("keep-personal", quoted(Quantity.text(policy.keepPersonal))),
            ("keep-hits", quoted(Quantity.text(policy.keepHits))),
            ("keep-figures", quoted(Quantity.text(policy.keepFigures))),
            ("senders", "[\(policy.senders.map(quoted).joined(separator: ", "))]"),
        ]
        return values.map {
            PolicyValue(tag: tag.description, key: $0.0, value: $0.1, origin: origins[$0.0] ?? "built in")
        }
    }
}
