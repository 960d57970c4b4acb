import Tracking

/// Looks at what a tracker says that faces the Internet: it can vouch for no mail, no delivery and no date. Its hits are
/// classed here like all others; here is asked whether they can be at all.
public struct HitScreen {
    /// Clocks of two machines may differ by so many milliseconds.
    static let clockDifference: Int64 = 3_600_000
    private static let maximumTargetOctets = 8_192
    private static let maximumClientOctets = 64

    private let now: Int64

    /// - Parameter now: milliseconds since 1970.
    public init(now: Int64) { self.now = now }

    /// Why an event is not taken over; `nil` for one that is.
    public func objection(to event: Event, _ store: some EventTransaction) throws -> String? {
        guard case .hit(let hit) = event else {
            return "mails and deliveries, of which only the relay's own journal may tell (--from-relay)"
        }
        guard let mail = try store.mail(hit.message) else { return "hits on mails that are not known here" }
        let key = CopyKey(message: hit.message, recipient: hit.recipient)
        guard mail.isTracked, try mail.privacy == .anonymous || store.copy(key) != nil else {
            return "hits on copies their mail does not have"
        }
        guard hit.time >= mail.time - Self.clockDifference else { return "hits dated before their mail" }
        guard hit.time <= now + Self.clockDifference else { return "hits dated in the future" }
        return isPlausible(hit) ? nil : "hits with fields that no tracker writes"
    }

    private func isPlausible(_ hit: HitRecord) -> Bool {
        guard hit.agent.utf8.count <= HitRecord.maximumAgentOctets,
            hit.purpose.utf8.count <= HitRecord.maximumPurposeOctets,
            hit.client.utf8.count <= Self.maximumClientOctets,
            hit.client.isEmpty || IPAddress(hit.client.prefix { $0 != "%" }) != nil
        else { return false }
        guard hit.kind == .click else { return hit.link == nil && hit.url.isEmpty }
        let scheme = hit.url.prefix(8).lowercased()
        return hit.link != nil && hit.url.utf8.count <= Self.maximumTargetOctets
            && (scheme.hasPrefix("http://") || scheme.hasPrefix("https://"))
    }
}
