import Testing
import Tracking

private func read(_ fields: [String]) throws(TrackingDecision.Unreadable) -> TrackingDecision {
    try TrackingDecision(encoded: Array(fields.map { $0 + "\0" }.joined().utf8))
}

private func fields(_ decision: TrackingDecision) -> [String] {
    String(decoding: decision.encoded(), as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: false)
        .dropLast().map(String.init)
}

/// What d52f9e9 wrote of a mail under a tag that sets every key it stored.
private let secondForm = [
    "2", "news", "1", "0", "local", "7", "https://t.example.com/x", "shared", "1", "leave", "top", "keep", "remove",
    "anonymous", "2", "*.example.net", "https://a.example/*", "4", "utm_source", "relay & co", "utm_term", "", "1",
    "tag by [[rule]] 1", "2", "t.example.com", "u.example.com",
]

@Test func aDecisionOfTheFormBeforeIsReadWhole() throws {
    let decision = try read(secondForm)
    #expect(decision.tag.description == "news" && decision.tagID.description == "news")
    #expect(decision.opens && !decision.clicks && decision.mode == .local && decision.keyID == 7)
    #expect(decision.baseURL.description == "https://t.example.com/x" && decision.recipients == .shared)
    #expect(decision.textLinks && decision.labelIsURL == .leave && decision.pixel == .top)
    #expect(decision.charset == .keep && decision.dkimSigned == .remove && decision.privacy == .anonymous)
    #expect(decision.exclude.map(\.description) == ["*.example.net", "https://a.example/*"])
    #expect(decision.utm.map(\.name) == ["utm_source", "utm_term"] && decision.utm.map(\.value) == ["relay & co", ""])
    #expect(decision.warnings == ["tag by [[rule]] 1"])
    #expect(decision.trackingHosts == ["t.example.com", "u.example.com"])
    // Written anew it has today's form and says the same.
    #expect(try TrackingDecision(encoded: decision.encoded()) == decision)
    #expect(fields(decision).first == "3")
}

/// Some value of a key that is not the built-in one.
private func other(_ key: PolicyKey, than value: PolicyValue) -> PolicyValue {
    switch key.kind {
    case .word(let words): .text(words.last { .text($0) != value } ?? "")
    case .text, .upstream: .text("another")
    case .flag: .flag(value == .flag(false))
    case .list: .list(["*.example.net", "https://a.example/*"])
    case .address: .text("https://other.example.com/path")
    case .time: .time(.seconds(77))
    case .parameters: .parameters([CampaignParameter(name: "utm_source", value: "relay & co")])
    }
}

/// Every key that a mail keeps is stored, and no other changes what is stored.
@Test(arguments: PolicyKey.all.map(\.name))
func aFrozenKeySurvivesStorage(_ name: String) throws {
    let key = try #require(PolicyKey.all.first { $0.name == name })
    let plain = try makeDecision()
    let changed = try makeDecision { policy in
        let isSet = key.set(other(key, than: key.value(in: policy)), in: &policy)
        #expect(isSet)
    }
    // Whose the tracking is and its host stand in the decision besides.
    #expect((changed.encoded() != plain.encoded()) == key.isFrozen)
    let read = try TrackingDecision(encoded: changed.encoded())
    #expect(read.encoded() == changed.encoded())
    if key.isFrozen { #expect(read == changed) }
}

@Test func aDecisionThatIsCutOffIsDamaged() throws {
    var decision = try makeDecision { $0.exclude = [LinkPattern("*.example.net")] }
    decision.warnings = ["one"]
    let bytes = decision.encoded()
    for length in 0..<bytes.count {
        #expect(throws: TrackingDecision.Unreadable.damaged) {
            try TrackingDecision(encoded: Array(bytes.prefix(length)))
        }
    }
    #expect(throws: TrackingDecision.Unreadable.damaged) { try TrackingDecision(encoded: bytes + [0]) }
    for first in ["", "1", "0", "x", "-4"] {
        #expect(throws: TrackingDecision.Unreadable.damaged) { try read([first] + fields(decision).dropFirst()) }
    }
    for length in 0..<secondForm.count {
        #expect(throws: TrackingDecision.Unreadable.damaged) { try read(Array(secondForm.prefix(length))) }
    }
}

/// What a later version may write: this one must neither guess nor take it for damage.
@Test func aDecisionOfALaterVersionIsToldFromADamagedOne() throws {
    let now = fields(try makeDecision())
    #expect(throws: TrackingDecision.Unreadable.later("form 4")) { try read(["4", "whatever"]) }
    let pixel = try #require(now.firstIndex(of: "pixel"))
    var word = now
    word[pixel + 2] = "middle"
    #expect(throws: TrackingDecision.Unreadable.later("pixel = \"middle\"")) { try read(word) }
    var key = now
    key[pixel] = "sparkle"
    #expect(throws: TrackingDecision.Unreadable.later("its key sparkle")) { try read(key) }
}

/// A key that came after the mail has its built-in value.
@Test func aKeyThatIsNotThereIsBuiltIn() throws {
    var now = fields(try makeDecision { $0.pixel = .top })
    let pixel = try #require(now.firstIndex(of: "pixel"))
    now.removeSubrange(pixel...(pixel + 2))
    let count = try #require(now.firstIndex(of: "tracking")) - 1
    now[count] = String(try #require(Int(now[count])) - 1)
    #expect(try read(now).pixel == .auto)
}

@Test func aDecisionKnowsItsTagByNumberToo() throws {
    let tag = try #require(TagName("123"))
    let policy = TagPolicy(baseURL: try BaseURL("https://t.example.com"))
    for id in [TagID.named(tag), .numbered(123), .numbered(.max)] {
        let decision = TrackingDecision(tag: tag, id: id, opens: true, clicks: true, policy: policy, keyID: 1)
        let read = try TrackingDecision(encoded: decision.encoded())
        #expect(read.tagID == id && read.tag == tag && TagID(id.description) == id)
    }
    for text in ["", "#", "#-1", "#+1", "#01", "# 1", "a b"] { #expect(TagID(text) == nil) }
}
