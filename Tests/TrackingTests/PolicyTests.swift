import MailMessage
import Testing
import Tracking

private func policies(_ change: (inout TrackingPolicies) throws -> Void = { _ in }) throws -> TrackingPolicies {
    let defaults = TagPolicy(baseURL: try BaseURL("https://t.example.com"))
    let tag = try #require(TagName("Test"))
    var result = TrackingPolicies(defaults: defaults, tags: [tag: defaults])
    try change(&result)
    return result
}

private func trace(_ tag: String = "Test", opens: Bool = true, clicks: Bool = true) -> [UInt8] {
    TraceHeader.encode(TraceRequest(tagName: tag, opens: opens, clicks: clicks))
}

private func facts(_ field: [UInt8]? = nil, _ change: (inout MessageFacts) -> Void = { _ in }) -> MessageFacts {
    var facts = MessageFacts()
    facts.envelopeSender = "news@shop.example.com"
    facts.fromDomain = "shop.example.com"
    facts.traceField = field
    change(&facts)
    return facts
}

private func untracked(_ verdict: TraceVerdict) -> UntrackedReason? {
    if case .untracked(let reason, _, _) = verdict { return reason }
    return nil
}

private func decision(_ verdict: TraceVerdict) -> TrackingDecision? {
    if case .track(let decision) = verdict { return decision }
    return nil
}

@Test func theReasonsForUntrackedMail() throws {
    let plain = try policies()
    #expect(untracked(plain.decide(facts())) == .notAsked)
    #expect(untracked(plain.decide(facts(trace(opens: false, clicks: false)))) == .flagsOff)
    #expect(untracked(plain.decide(facts(Array("???".utf8)))) == .malformedTrace)
    #expect(untracked(plain.decide(facts(trace("Other")))) == .unknownTag)
    #expect(untracked(plain.decide(facts(trace()) { $0.envelopeSender = "" })) == .bounce)
    let test = try #require(TagName("Test"))
    let strict = try policies { $0.tags[test]?.senders = [DomainPattern("*.other.example")] }
    #expect(untracked(strict.decide(facts(trace()))) == .senderNotAllowed)
    let off = try policies { $0.tags[test]?.tracking = .off }
    #expect(untracked(off.decide(facts(trace()))) == .trackingOff)
}

/// What the tag says of upstream and privacy counts whether or not its mail is tracked.
@Test func aTagsPolicyHoldsForItsUntrackedMail() throws {
    let test = try #require(TagName("Test"))
    func given(_ change: (inout TagPolicy) -> Void = { _ in }) throws -> TrackingPolicies {
        try policies {
            var policy = $0.defaults
            policy.upstream = "second"
            policy.privacy = .anonymous
            change(&policy)
            $0.tags[test] = policy
        }
    }
    let plain = try given()
    let off = try given { $0.tracking = .off }
    let flagsOff = facts(trace(opens: false, clicks: false))
    let bounce = facts(trace()) { $0.envelopeSender = "" }
    for (policies, facts) in [(plain, facts(trace())), (plain, flagsOff), (plain, bounce), (off, facts(trace()))] {
        let verdict = policies.decide(facts)
        #expect(policies.upstream(of: verdict) == "second", "\(verdict)")
        #expect(policies.privacy(of: verdict) == .anonymous, "\(verdict)")
    }
    // Who may not use the tag may not use its account; what is stored of the mail's people is the less of the two.
    let strict = try given { $0.senders = [DomainPattern("*.other.example")] }
    let refused = strict.decide(facts(trace()))
    #expect(untracked(refused) == .senderNotAllowed)
    #expect(strict.upstream(of: refused) == nil)
    #expect(strict.privacy(of: refused) == .anonymous)
    for untagged in [facts(), facts(trace("Other"))] {
        let verdict = plain.decide(untagged)
        #expect(plain.upstream(of: verdict) == nil && plain.privacy(of: verdict) == .pseudonymous)
    }
}

@Test func rejectNamesTheDefect() throws {
    let strict = try policies {
        $0.unknownTag = .reject
        $0.onBadTrace = .reject
    }
    guard case .reject(550, "5.7.1", let text, .unknownTag) = strict.decide(facts(trace("Other"))) else {
        Issue.record("not refused")
        return
    }
    #expect(text.contains("\"Other\""))
    guard case .reject(554, "5.6.0", _, .malformedTrace) = strict.decide(facts([])) else {
        Issue.record("not refused")
        return
    }
}

@Test(arguments: [AskPolicy.asAsked, .always, .never], [true, false])
func thePolicyIsACeiling(_ policy: AskPolicy, _ asked: Bool) throws {
    let test = try #require(TagName("Test"))
    let given = try policies {
        $0.tags[test]?.opens = policy
        $0.tags[test]?.clicks = .always
    }
    let result = try #require(decision(given.decide(facts(trace(opens: asked, clicks: false)))))
    #expect(result.opens == (policy == .always || policy == .asAsked && asked))
    #expect(result.clicks)
}

@Test func theFirstRuleWinsAndAHeaderWinsOverRules() throws {
    let test = try #require(TagName("Test"))
    let news = try #require(TagName("news"))
    let given = try policies {
        $0.tags[news] = $0.defaults
        var first = TrackingRule(tag: news, opens: true, clicks: false)
        first.fromDomain = Glob("shop.example.com")
        first.header = ["x-mailer": Glob("Old*")]
        first.network = IPNetwork("10.0.0.0/8")
        $0.rules = [first, TrackingRule(tag: test)]
    }
    #expect(given.neededHeaderNames == ["x-mailer"])
    let hit = facts { facts in
        facts.header = ["x-mailer": ["OldMailer 1.0"]]
        facts.client = IPAddress("10.1.2.3")
    }
    #expect(decision(given.decide(hit))?.tag == news)
    #expect(decision(given.decide(facts()))?.tag == test)
    var withHeader = hit
    withHeader.traceField = trace()
    #expect(decision(given.decide(withHeader))?.tag == test)
    var overriding = given
    overriding.rules[0].override = true
    #expect(decision(overriding.decide(withHeader))?.tag == news)
}

@Test(arguments: [
    ("*.example.com", "a.example.com", true), ("*.example.com", "example.com", false), ("a?c", "ABC", true),
    ("*a*a*a*a*b", String(repeating: "a", count: 5_000), false), ("", "", true), ("*", "", true),
])
func globs(_ pattern: String, _ text: String, _ fits: Bool) { #expect(Glob(pattern).matches(text) == fits) }

@Test(arguments: [
    ("10.0.0.0/8", "10.255.1.2", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.7", "192.0.2.7", true),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
    ("::1", "::1", true), ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("0.0.0.0/0", "8.8.8.8", true),
])
func networks(_ network: String, _ address: String, _ inside: Bool) throws {
    #expect(try #require(IPNetwork(network)).contains(try #require(IPAddress(address))) == inside)
}

@Test(arguments: [
    "1.2.3", "1.2.3.256", "1:2", "::1::", ":1", "1:2:3:4:5:6:7:8:9", "g::", "", "10.0.0.0/33", "x/8", "+1.1.1.1",
])
func noNetworks(_ text: String) { #expect(IPNetwork(text) == nil) }

@Test(arguments: ["ftp://x", "x", "http://", "https://a/?q", "https://u@a", "https://a b", "https:/a.example"])
func noBaseURLs(_ text: String) { #expect(throws: BaseURL.Defect.self) { try BaseURL(text) } }

@Test(arguments: [
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
    ("2001:0DB8::0001", "2001:db8::1"), ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"), ("::ffff:192.0.2.1", "192.0.2.1"),
    ("0:0:1:0:0:0:1:0", "0:0:1::1:0"), ("fe80:0:0:0:1:2:3:4", "fe80::1:2:3:4"),
])
func addressesArePrintedAsRFC5952Says(_ text: String, _ expected: String) throws {
    #expect(try #require(IPAddress(text)).description == expected)
}
