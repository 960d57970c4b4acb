import RelayConfiguration
import StorageSQLite
import Tracking
import TrackingWeb

/// The policies of one moment, and what follows from them for those who ask often.
final class PolicySnapshot: Sendable {
    /// Tags and rules.
    let policies: TrackingPolicies
    /// Each tag's policy as console and API show it.
    let lines: [String: [PolicyLine]]
    /// Paths of the base URLs.
    let prefixes: HitPrefixes

    /// The policies of relay.conf, with the number of the key that signs.
    init(_ settings: RelaySettings, keyID: KeyID) {
        var policies = settings.policies
        policies.keyID = keyID
        self.policies = policies
        lines = Dictionary(uniqueKeysWithValues: settings.policyLines.map { ($0.key.description, $0.value) })
        prefixes = HitPrefixes(policies.baseURLs.map(\.path))
    }

    /// The policy of a tag; the defaults for mail without one.
    func policy(of tag: String) -> TagPolicy { TagName(tag).flatMap { policies.tags[$0] } ?? policies.defaults }

    /// How long what is kept.
    var retention: Retention {
        func clocks(_ policy: TagPolicy) -> RetentionClocks {
            RetentionClocks(
                personal: Int64(policy.keepPersonal / .milliseconds(1)),
                hits: Int64(policy.keepHits / .milliseconds(1)),
                // Hits that are judged anew change the figures of their day: without it, something would be taken from
                // nothing.
                figures: Int64(max(policy.keepFigures, policy.keepHits) / .milliseconds(1)))
        }
        return Retention(
            tags: Dictionary(uniqueKeysWithValues: policies.tags.map { ($0.key.description, clocks($0.value)) }),
            others: clocks(policies.defaults))
    }
}
