import TOMLKit
import Tracking

/// Reads `[[rule]]`.
struct RuleReader {
    let root: SectionReader
    let tags: Set<TagName>

    func read() -> [TrackingRule] {
        root.tables("rule").enumerated().compactMap { number, section in
            section.check(Schema.rule)
            guard let name = section.string("tag") else {
                if !section.has("tag") { section.findings.error(section.path, "a rule needs `tag`") }
                return nil
            }
            guard let tag = TagName(name), tags.contains(tag) else {
                let hint = Schema.suggestion(for: name, among: tags.map(\.description)).map {
                    "; did you mean \"\($0)\"?"
                }
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
}
