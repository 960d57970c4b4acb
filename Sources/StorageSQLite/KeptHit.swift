import Tracking
import TrackingEvents

/// What the policy keeps of a hit.
struct KeptHit {
    let recipient: Int?
    let client: String
    let agent: String
    /// Of nobody's hit without what may be the recipient's own.
    let url: String
    /// What the rules said of the agent, where only its family is kept.
    let said: String
    private let record: HitRecord

    init(_ record: HitRecord, _ agent: EventWriter.Agent, _ privacy: Privacy) {
        self.record = record
        let isNobody = privacy == .anonymous || record.isPrivate
        let isFull = privacy == .full
        said = isNobody || isFull ? "" : agent.said
        url = isNobody ? CopyLedger.page(of: record.url) : record.url
        recipient = isNobody ? nil : record.recipient
        client = isNobody ? "" : isFull ? record.client : Pseudonym.address(record.client)
        self.agent = isNobody ? "" : isFull ? record.agent : agent.family
    }

    var source: String { client.isEmpty && agent.isEmpty ? "" : "\(client) \(agent)" }

    func counted(_ hitClass: HitClass) -> CountedHit {
        CountedHit(time: record.time, link: record.link, url: record.url, source: source, hitClass: hitClass)
    }
}
