import Testing

@testable import TrackingEvents

private func facts(
    agent: String = "Mozilla/5.0 (X11) Firefox/140.0", purpose: String = "", client: String = "192.0.2.7",
    isHead: Bool = false
) -> HitFacts { HitFacts(isHead: isHead, agent: agent, purpose: purpose, client: client) }

@Test func theShippedRulesCanBeRead() throws {
    let rules = try HitRules(parsing: HitRules.shippedText)
    #expect(rules.afterDelivery == 2_000)
    #expect(rules.burst?.links == 3 && rules.burst?.milliseconds == 5_000)
}

@Test(arguments: [
    (facts(), HitClass.human), (facts(isHead: true), .head), (facts(agent: ""), .scanner),
    (facts(agent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"), .proxy),
    (facts(agent: "Mozilla/5.0"), .privacy), (facts(purpose: "prefetch;prerender"), .prefetch),
    (facts(agent: "SomeBot/1.0"), .scanner),
    (facts(agent: "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE) Chrome/120"), .human),
    (facts(agent: "curl/8.1"), .scanner), (facts(client: "40.94.1.1"), .human), (facts(client: "40.93.1.1"), .scanner),
    (facts(client: "40.93.1.0/24"), .scanner), (facts(client: ""), .human),
    (facts(agent: "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0; Pro)"), .human),
])
func theShippedRulesTellPeopleFromMachines(_ facts: HitFacts, _ expected: HitClass) {
    let verdict = HitRules.shipped.classify(facts)
    #expect(verdict.hitClass == expected, "\(verdict)")
    #expect(!verdict.evidence.isEmpty)
}

@Test(arguments: [
    ("robot agent x", 1, "no class"), ("\n\nscanner network 10.0.0.0/40", 3, "network"),
    ("scanner after-250 soon", 1, "after-250"),
    ("human after-250 2s", 1, "scanner"), ("scanner burst 1 5s", 1, "burst"), ("scanner", 1, "followed by"),
    ("head method GET", 1, "method HEAD"), ("scanner after-250 99999999999999999999s", 1, "after-250"),
])
func aBadLineIsNamed(_ text: String, _ line: Int, _ words: String) {
    let error = #expect(throws: HitRules.Defect.self) { try HitRules(parsing: text) }
    #expect(error?.line == line && error?.message.contains(words) == true)
}

@Test func theFirstLineThatFitsWins() throws {
    let rules = try HitRules(parsing: "human agent *a*\nscanner agent *ab*\nscanner no-agent")
    #expect(rules.classify(facts(agent: "AB")).hitClass == .human)
    #expect(rules.classify(facts(agent: "")).hitClass == .scanner)
}

@Test func aFamilyOfAgentsKeepsWhatWasSaidOfTheWholeAgent() throws {
    let rules = try HitRules(parsing: "scanner network 10.0.0.0/8\nscanner agent *Firefox*\nproxy agent *Proxy*")
    let kept = facts(agent: "Firefox", client: "192.0.2.0/24")
    #expect(rules.classify(kept, agentVerdict: HitVerdict(.proxy, "agent *Proxy*")).hitClass == .proxy)
    #expect(rules.classify(kept, agentVerdict: .human).hitClass == .human)
    let inside = facts(agent: "Firefox", client: "10.1.2.0/24")
    #expect(rules.classify(inside, agentVerdict: .human).hitClass == .scanner)
    // A network finer than the cut cannot be told.
    let fine = try HitRules(parsing: "scanner network 10.1.2.128/25")
    #expect(fine.classify(inside).hitClass == .human)
}

private func judged(_ time: Int64, link: Int?, source: String = "s", _ request: HitVerdict = .human) -> JudgedHit {
    JudgedHit(time: time, link: link, source: source, request: request)
}

private func verdicts(_ rules: HitRules, _ hits: [JudgedHit], delivered: Int64? = nil) -> [HitVerdict] {
    var judgement = CopyJudgement()
    return judgement.takeAll(hits, delivered: delivered, rules)
}

@Test func hitsAroundTheDeliveryAreMachines() throws {
    let rules = try HitRules(parsing: "scanner after-250 2s")
    let hits = [500, 1_000, 2_999, 3_000].map { judged($0, link: nil) }
    let found = verdicts(rules, hits, delivered: 1_000)
    #expect(found.map(\.hitClass) == [.scanner, .scanner, .scanner, .human])
    #expect(found[0].evidence == "0.5 s before the upstream's 250")
    #expect(verdicts(rules, hits).allSatisfy { $0 == .human })
    let proxy = judged(1_000, link: nil, HitVerdict(.proxy, "agent x"))
    #expect(verdicts(rules, [proxy], delivered: 1_000)[0].hitClass == .proxy)
}

@Test func aBurstIsSeveralLinksFromOneSource() throws {
    let rules = try HitRules(parsing: "scanner burst 3 5s")
    func classes(_ hits: [JudgedHit]) -> [HitClass] { verdicts(rules, hits).map(\.hitClass) }
    #expect(
        classes([judged(0, link: 1), judged(1, link: 2), judged(5_000, link: 3)]) == [.scanner, .scanner, .scanner])
    #expect(classes([judged(0, link: 1), judged(1, link: 2), judged(5_001, link: 3)]) == [.human, .human, .human])
    #expect(classes([judged(0, link: 1), judged(1, link: 1), judged(2, link: 1)]) == [.human, .human, .human])
    #expect(
        classes([judged(0, link: 1), judged(1, link: 2, source: "t"), judged(2, link: 3)]) == [.human, .human, .human])
    #expect(classes([judged(0, link: nil), judged(1, link: 2), judged(2, link: 3)]) == [.human, .human, .human])
    let unknown = (0..<4).map { judged(Int64($0), link: $0, source: "") }
    #expect(classes(unknown).allSatisfy { $0 == .human })
}
