import SMTPProtocol
import Testing

/// One whose upstream has asked for the content, which is not out yet.
private func sending(_ count: Int = 2) throws -> HeardUpstream {
    var upstream = try readyUpstream()
    upstream.run(upstream.session.begin(try clientTransaction(count)))
    upstream.hear("250 ok\n" + String(repeating: "250 ok\n", count: count) + "354 go\n")
    #expect(upstream.sendsContent)
    return upstream
}

@Test(arguments: [421, 451, 452, 550, 552, 554])
func aRefusalBeforeTheContentsEndCountsAndEndsTheConnection(_ code: Int) throws {
    var upstream = try sending()
    upstream.hear("\(code) no\n")
    #expect(upstream.results?.map(\.reply.code) == [code, code])
    #expect(upstream.results?.allSatisfy { $0.phase == .content && !$0.isAccepted } == true)
    #expect(upstream.failure != nil && !upstream.session.isReady && upstream.session.standing == .none)
    // What is left of the content is nobody's verdict any more, and no mail follows it.
    upstream.session.contentSent()
    #expect(upstream.session.standing == .none)
    let next = upstream.session.begin(try clientTransaction())
    #expect(!next.contains { if case .send = $0 { true } else { false } })
}

@Test(arguments: [200, 220, 250, 334, 354])
func anAcceptanceBeforeTheContentsEndIsNone(_ code: Int) throws {
    var upstream = try sending()
    upstream.hear("\(code) yes\n")
    #expect(upstream.results == nil)
    #expect(upstream.session.standing == .notTaken && !upstream.session.isReady)
    guard case .violation? = upstream.failure else {
        Issue.record("\(upstream.failure as Any)")
        return
    }
}

/// What comes in one piece with the 354 was said before the content: the content's verdict is still to come.
@Test(arguments: ["250 queued\n", "550 no\n", "2"])
func aVerdictInAdvanceIsNone(_ behind: String) throws {
    var upstream = try readyUpstream()
    upstream.run(upstream.session.begin(try clientTransaction(1)))
    upstream.hear("250 ok\n250 ok\n354 go\n" + behind)
    #expect(!upstream.sendsContent && upstream.results == nil)
    #expect(upstream.session.standing == .notTaken && !upstream.session.isReady)
}

@Test(arguments: ["MAIL", "RCPT"])
func answersInAdvanceAreNone(_ command: String) throws {
    var upstream = try readyUpstream(true)
    upstream.run(upstream.session.begin(try clientTransaction(1)))
    upstream.hear(command == "MAIL" ? "250 ok\n250 ok\n" : "250 ok\n")
    if command == "RCPT" { upstream.hear("250 ok\n354 go\n") }
    #expect(!upstream.sendsContent && upstream.results == nil && upstream.failure != nil)
    #expect(upstream.sent.last == (command == "MAIL" ? "MAIL FROM:<s@x.test>" : "RCPT TO:<r0@y.test>"))
}

/// RSET would get the stray reply, and each command behind it that of the one before.
@Test func aStrayReplyBehindARefusalEndsTheConnection() throws {
    var upstream = try readyUpstream()
    upstream.run(upstream.session.begin(try clientTransaction(1)))
    upstream.hear("250 ok\n550 no\n503 nobody\n250 stray\n")
    #expect(upstream.results?.map(\.reply.code) == [550])
    #expect(upstream.sent.last == "DATA" && upstream.failure != nil && !upstream.session.isReady)
}

@Test(arguments: [300, 334, 354])
func whatDecidesNothingAtTheEndLeavesTheMailUncertain(_ code: Int) throws {
    var upstream = try sending()
    upstream.session.contentSent()
    upstream.hear("\(code) go on\n")
    #expect(upstream.results == nil)
    #expect(upstream.failure != nil)
    #expect(upstream.session.standing == .awaitsVerdict)
}

@Test func a421AtTheEndIsARefusal() throws {
    var upstream = try sending()
    upstream.session.contentSent()
    upstream.hear("421 bye\n")
    #expect(upstream.results?.map(\.reply.code) == [421, 421])
    #expect(upstream.session.standing == .none)
}

@Test(arguments: ["250 ok\n", "354 go\n", "220 x\n", "200 x\n"])
func strayRepliesEndTheConnection(_ stray: String) throws {
    var upstream = try readyUpstream()
    upstream.hear(stray)
    #expect(upstream.failure != nil && !upstream.session.isReady)
    // Behind the verdict, in the same packet: the verdict counts.
    var other = try sending()
    other.session.contentSent()
    other.hear("250 queued\n" + stray)
    #expect(other.results?.map(\.isAccepted) == [true, true])
    #expect(other.failure != nil && !other.session.isReady)
}

@Test(arguments: [false, true])
func a421WithNoOtherWordIsNoVerdictOnTheMail(_ lockStep: Bool) throws {
    var upstream = try readyUpstream(lockStep)
    upstream.run(upstream.session.begin(try clientTransaction()))
    upstream.hear("421 too many mails on this connection\n")
    #expect(upstream.results == nil)
    #expect(upstream.session.standing == .unanswered)
    #expect(upstream.failure == .closing(Reply(421, nil, "too many mails on this connection")))
}

@Test(arguments: [false, true], ["200 ok\n", "250 ok\n", "334 ok\n"])
func dataIsAnsweredBy354OrARefusal(_ lockStep: Bool, _ answer: String) throws {
    var upstream = try readyUpstream(lockStep)
    upstream.run(upstream.session.begin(try clientTransaction(1)))
    upstream.hearEach("250 ok\n250 ok\n" + answer)
    #expect(!upstream.sendsContent && upstream.results == nil)
    #expect(upstream.session.standing == .notTaken && upstream.failure != nil)
}

@Test(arguments: ["MAIL", "RCPT"])
func threeHundredsElsewhereAreViolations(_ command: String) throws {
    var upstream = try readyUpstream()
    upstream.run(upstream.session.begin(try clientTransaction(1)))
    upstream.hear(command == "MAIL" ? "354 go\n" : "250 ok\n354 go\n")
    #expect(upstream.results == nil && upstream.failure != nil && !upstream.sendsContent)
}

/// The dot of an empty content would deliver it to those the server has taken in spite of its own refusal.
@Test func noEmptyContentWhereSomebodyIsAccepted() throws {
    var upstream = try readyUpstream()
    upstream.run(upstream.session.begin(try clientTransaction(2)))
    upstream.hear("550 no\n250 ok\n550 no\n354 go\n")
    #expect(!upstream.sent.contains(".") && !upstream.sendsContent)
    #expect(upstream.results?.map(\.reply.code) == [550, 550])
    #expect(upstream.failure != nil)
}

@Test func oneMailboxIsOneRecipient() throws {
    var envelope = Envelope(reversePath: ReversePath(nil))
    for address in [
        "b@example.net", "B@example.net", "b@EXAMPLE.net", "b@example.net", "\u{E9}@x.test", "e\u{301}@x.test",
        "b@example.org",
    ] {
        envelope.recipients.append(ForwardPath(try #require(Mailbox(address))))
    }
    #expect(
        envelope.distinctRecipients.map { Array("\($0)".utf8) }
            == ["b@example.net", "B@example.net", "\u{E9}@x.test", "e\u{301}@x.test", "b@example.org"].map {
                Array($0.utf8)
            })
}
