import TOMLKit
import Tracking

/// Reads `[tracking]` and `[tag.NAME]` by the rows of ``PolicyKey``, and `[[rule]]`.
struct PolicyReader {
    let root: SectionReader
    let upstreams: Set<String>

    func read() -> (policies: TrackingPolicies, lines: [TagName: [PolicyLine]])? {
        guard let section = root.table("tracking") else {
            root.findings.error([], "no [tracking] section; add one with `base-url = \"https://track.example.com\"`")
            return nil
        }
        section.check(Schema.tracking)
        guard let base = section.address("base-url") else {
            if !section.has("base-url") {
                root.findings.error(section.path, "[tracking] needs `base-url`, the tracking host")
            }
            return nil
        }
        var origins: [String: String] = [:]
        let defaults = policy(section, PolicyKey.ofTracking, from: TagPolicy(baseURL: base), &origins)
        var tags: [TagName: TagPolicy] = [:]
        var lines: [TagName: [PolicyLine]] = [:]
        for (name, tag) in self.tags() {
            var origins = origins
            let policy = policy(tag, PolicyKey.all, from: defaults, &origins)
            tags[name] = policy
            lines[name] = PolicyLine.all(of: policy, origins: origins)
        }
        let policies = TrackingPolicies(
            defaults: defaults, tags: tags, rules: RuleReader(root: root, tags: Set(tags.keys)).read(),
            unknownTag: section.word("unknown-tag", DefectPolicy.self) ?? .untracked,
            onBadTrace: section.word("on-bad-trace", DefectPolicy.self) ?? .untracked)
        return (policies, lines)
    }

    private func tags() -> [(TagName, SectionReader)] {
        guard let section = root.table("tag") else { return [] }
        return section.table.keys.sorted().compactMap { key in
            guard let name = TagName(key) else {
                root.findings.error(section.path + [key], "a tag's name is 1 to 128 letters, digits, \"_\" and \"-\"")
                return nil
            }
            guard let inner = section.table(key) else { return nil }
            inner.check(Schema.tag)
            return (name, inner)
        }
    }

    private func policy(
        _ section: SectionReader, _ keys: [PolicyKey], from defaults: TagPolicy, _ origins: inout [String: String]
    ) -> TagPolicy {
        var policy = defaults
        for key in keys where section.has(key.name) {
            let line = section.findings.position(of: section.path + [key.name]).line
            origins[key.name] = "[\(KeyLocator.join(section.path))], line \(line)"
            // What does not fit has been reported: the policy is not used then.
            if let value = value(key, section) { _ = key.set(value, in: &policy) }
        }
        return policy
    }

    private func value(_ key: PolicyKey, _ section: SectionReader) -> PolicyValue? {
        switch key.kind {
        case .word(let words): section.word(key.name, among: words).map { .text($0) }
        case .text(let limit): section.text(key.name, limit: limit).map { .text($0) }
        case .flag: section.boolean(key.name).map { .flag($0) }
        case .list: section.strings(key.name).map { .list($0) }
        case .time: section.duration(key.name).map { .time($0) }
        case .address: address(key.name, section)
        case .upstream: upstream(key.name, section)
        case .parameters: parameters(key.name, section)
        }
    }

    private func address(_ key: String, _ section: SectionReader) -> PolicyValue? {
        guard let url = section.address(key) else { return nil }
        if !url.isSecure, !url.isLoopback {
            root.findings.warning(section.path + [key], "\(key): with http, links to https pages stay untracked")
        }
        return .text(url.description)
    }

    private func upstream(_ key: String, _ section: SectionReader) -> PolicyValue? {
        guard let name = section.string(key) else { return nil }
        guard upstreams.contains(name) else {
            let hint = Schema.suggestion(for: name, among: Array(upstreams)).map { "; did you mean \"\($0)\"?" }
            section.fail(key, "there is no [upstream.\(name)]\(hint ?? "")")
            return nil
        }
        return .text(name)
    }

    private func parameters(_ key: String, _ section: SectionReader) -> PolicyValue? {
        guard let table = section.table(key) else { return nil }
        return .parameters(
            table.table.keys.sorted().compactMap { name in
                table.string(name).map { CampaignParameter(name: name, value: $0) }
            })
    }
}
