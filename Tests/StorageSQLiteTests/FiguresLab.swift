import Foundation
import GRDB
import Testing
import Tracking
import TrackingEvents

@testable import StorageSQLite

/// SplitMix64.
struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

let firstTime: Int64 = 1_795_500_000_000
private let agents = ["Mozilla/5.0 (X11) Firefox/140.0", "Mozilla/5.0", "x GoogleImageProxy", "curl/8", "Chrome/1"]

func messageID(_ number: Int) throws -> TrackingMessageID {
    try #require(TrackingMessageID(bytes: [0, 0, 0, 0, 0, 0, 0, 0, UInt8(number >> 8), UInt8(number & 255)]))
}

/// Mails, deliveries and hits in a random order of storing.
func generatedEvents(_ generator: inout Generator, mails: Int, hits: Int) throws -> [Event] {
    var events: [Event] = []
    let privacies: [Privacy] = [.full, .pseudonymous, .pseudonymous, .anonymous]
    for number in 0..<mails {
        let privacy = privacies[number % 4]
        events.append(
            .message(
                MessageRecord(
                    message: try messageID(number), time: firstTime + Int64(number) * 1_000, queueID: "Q\(number)",
                    tag: ["news", "shop"][number % 2], fromDomain: "x.test",
                    recipients: privacy == .anonymous ? [] : ["a\(number)@b.test", "c@d.test"],
                    untracked: number % 7 == 0 ? "not-asked" : "", privacy: privacy, subject: "S")))
        for recipient in 0..<2 {
            events.append(
                .delivery(
                    DeliveryRecord(
                        message: try messageID(number), time: firstTime + Int64(number) * 1_000 + 500,
                        recipient: recipient,
                        status: ["sent", "sent", "deferred", "bounced"].randomElement(using: &generator) ?? "sent",
                        upstream: "u", reply: "r", passedThrough: number % 5 == 0 ? "signed" : "",
                        isTracked: number % 5 != 0, links: ["tracked": 3, "mailto": 1])))
        }
    }
    for place in 0..<hits {
        let isOpen = Bool.random(using: &generator)
        let link = Int.random(in: 0..<5, using: &generator)
        let number = Int.random(in: 0..<(mails + 1), using: &generator)
        // Close together, so that bursts, pauses and the delivery's seconds all happen.
        let span: Int64 = [3_000, 20_000, 9_000_000].randomElement(using: &generator) ?? 3_000
        events.append(
            .hit(
                HitRecord(
                    message: try messageID(number),
                    // No two at the same time: then their order is that of storing.
                    time: firstTime + Int64(number) * 1_000
                        + Int64.random(in: 0..<span, using: &generator) / Int64(hits) * Int64(hits) + Int64(place),
                    kind: isOpen ? .open : .click, recipient: Int.random(in: 0..<2, using: &generator),
                    link: isOpen ? nil : link, url: isOpen ? "" : "https://a.test/\(link)?r=\(number)",
                    client: "192.0.\(Int.random(in: 1..<3, using: &generator)).7",
                    agent: agents.randomElement(using: &generator) ?? "",
                    isHead: Int.random(in: 0..<20, using: &generator) == 0,
                    isPrivate: Int.random(in: 0..<20, using: &generator) == 0)))
    }
    return events
}

func storedEvents(
    _ groups: [[(number: Int64, event: Event)]], rules: HitRules = .shipped, calendar: LocalTime = LocalTime(),
    in folder: Folder, name: String
) throws -> DatabaseQueue {
    let store = try SQLiteEventStore(try SQLiteFile.open("\(folder.path)/\(name).sqlite", isDurable: false))
    try store.store(groups, with: HitAccounts(rules: rules, calendar: calendar))
    return store.database
}

/// The totals of events that were stored so.
func totals(
    _ kind: EventStoreKind, _ groups: [[(number: Int64, event: Event)]], rules: HitRules = .shipped
) throws -> Totals {
    let store = try kind.make(in: try Folder())
    try store.store(groups, with: HitAccounts(rules: rules))
    return try store.totals()
}

func numbered(_ events: [Event]) -> [(number: Int64, event: Event)] {
    events.enumerated().map { (number: Int64($0), event: $1) }
}

func isMessage(_ entry: (number: Int64, event: Event)) -> Bool {
    if case .message = entry.event { true } else { false }
}
