import SMTPProtocol
import Testing

/// A server whose owner says yes to everything, and the dialogue it leads to.
private struct Dialogue {
    var session: ServerSession
    var replies: [Int] = []
    var envelopes: [Envelope] = []
    var passwords: [String] = []
    var closed = false
    var refuseCredentials = false

    init(_ change: (inout ServerSession.Settings) -> Void = { _ in }, secure: Bool = false) {
        var settings = ServerSession.Settings(hostname: "relay.test")
        change(&settings)
        session = ServerSession(settings: settings, isSecure: secure)
    }

    mutating func say(_ line: String) { run(session.receive(Array(line.utf8))) }

    mutating func run(_ actions: [ServerSession.Action]) {
        for action in actions {
            switch action {
            case .reply(let reply): replies.append(reply.code)
            case .ask(.message(let envelope)):
                envelopes.append(envelope)
                run(session.answer(.accept))
            case .ask(.credentials(let credentials)):
                passwords.append(String(decoding: credentials.password.exposed, as: UTF8.self))
                let refusal = Reply(535, EnhancedStatusCode(5, 7, 8), "Wrong")
                run(session.answer(refuseCredentials ? .reply(refusal) : .accept))
            case .ask: run(session.answer(.accept))
            case .receiveContent: run(session.contentFinished(.complete))
            case .startTLS: session.tlsEstablished()
            case .close: closed = true
            }
        }
    }
}

private let clear: @Sendable (inout ServerSession.Settings) -> Void = {
    $0.authentication = .offered(isMandatory: false, allowsClear: true)
}

@Test(arguments: [
    (["EHLO c", "MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "DATA"], [250, 250, 250, 354, 250]),
    (["MAIL FROM:<>", "RCPT TO:<postmaster>", "RCPT TO:x@y", "DATA"], [250, 250, 250, 354, 250]),
    (["HELO c", "MAIL FROM: <a@b> SIZE=5 BODY=8BITMIME SMTPUTF8", "RCPT TO:<é@ü.test>"], [250, 250, 250]),
    (["HELO c", "MAIL FROM:<é@b>"], [250, 550]), (["HELO c", "MAIL FROM:<a@b>", "RCPT TO:<é@b>"], [250, 250, 553]),
    (
        ["RCPT TO:<a@b>", "DATA", "RSET", "NOOP", "VRFY x", "EXPN x", "HELP", "ETRN x", "BDAT 1"],
        [503, 503, 250, 250, 252, 502, 214, 502, 502]
    ),
    (["MAIL FROM:<a@b>", "DATA", "MAIL FROM:<a@b>"], [250, 554, 503]),
    (["MAIL FROM:<a@b> SIZE=26214401"], [552]), (["MAIL FROM:<a@b> SIZE=99999999999999999999"], [552]),
    (
        ["MAIL FROM:<a@b> SIZE=x", "MAIL FROM:<a@b> FOO=1", "MAIL a@b", "MAIL FROM:<a b@c>", "MAIL FROM:<a@b"],
        [501, 555, 501, 501, 501]
    ),
    (["RCPT TO:<>", "EHLO", "HELO ", "QUIT x", "FOO", "STARTTLS"], [501, 250, 250, 501, 500, 502]),
    (
        ["MAIL FROM:<a@b> SIZE=1 SIZE=2", "MAIL FROM:<a@b> smtputf8 SMTPUTF8", "MAIL FROM:<a@b> AUTH=<> AUTH=<>"],
        [501, 501, 501]
    ),
    (["MAIL FROM:<a@b> AUTH=x+3Dy@z", "RSET", "MAIL FROM:<a@b> AUTH=<>", "RSET"], [250, 250, 250, 250]),
    (
        [
            "MAIL FROM:<a@b> AUTH=a+0D+0Ab", "MAIL FROM:<a@b> AUTH=a+7Fb", "MAIL FROM:<a@b> AUTH=a+4",
            "MAIL FROM:<a@b> AUTH=a+4g",
            "MAIL FROM:<a@b> AUTH=a+3dy", "MAIL FROM:<a@b> AUTH=", "MAIL FROM:<a@b> AUTH=a=b", "MAIL FROM:<a@b> AUTH=é",
        ], [501, 501, 501, 501, 501, 501, 501, 501]
    ),
    (["MAIL FROM:<@x,@y:a@b.test>", "RCPT TO:<\"a b>\"@c.test>", "QUIT"], [250, 250, 221]),
    (["GET / HTTP/1.1"], [554]), (["EHLO a\u{1}b"], [501]),
])
func theServerAnswersByTheBook(_ lines: [String], _ codes: [Int]) {
    var dialogue = Dialogue()
    for line in lines { dialogue.say(line) }
    #expect(dialogue.replies == codes)
}

@Test(arguments: [
    (["AUTH PLAIN AHUAcA=="], [235]), (["AUTH PLAIN", "AHUAcA=="], [334, 235]), (["auth plain dQB1AHA="], [235]),
    (["AUTH LOGIN", "dQ==", "cA=="], [334, 334, 235]), (["AUTH LOGIN dQ==", "cA=="], [334, 235]),
    (["AUTH PLAIN", "*"], [334, 501]), (["AUTH PLAIN !!!!"], [501]), (["AUTH PLAIN AHUAcA"], [501]),
    (["AUTH PLAIN eAB1AHA="], [235]), (["AUTH PLAIN AABw"], [235]), (["AUTH PLAIN dXA="], [501]),
    (["AUTH LOGIN", "SvZyZw==", "cA=="], [334, 334, 235]), (["AUTH LOGIN", "", "cA=="], [334, 334, 235]),
    (["AUTH CRAM-MD5"], [504]), (["AUTH"], [501]),
    (["AUTH PLAIN AHUAcA==", "AUTH PLAIN AHUAcA=="], [235, 503]),
    (["MAIL FROM:<a@b>", "AUTH PLAIN AHUAcA=="], [250, 503]),
])
func authentication(_ lines: [String], _ codes: [Int]) {
    var dialogue = Dialogue(clear)
    for line in lines { dialogue.say(line) }
    #expect(dialogue.replies == codes)
    #expect(dialogue.passwords == (codes.contains(235) ? ["p"] : []))
}

@Test func authenticationInClearNeedsLoopbackAndMayBeMandatory() {
    var dialogue = Dialogue { $0.authentication = .offered(isMandatory: true, allowsClear: false) }
    dialogue.say("MAIL FROM:<a@b>")
    dialogue.say("AUTH PLAIN AHUAcA==")
    #expect(dialogue.replies == [530, 538])
    var refused = Dialogue(clear)
    refused.refuseCredentials = true
    for _ in 0..<3 { refused.say("AUTH PLAIN AHUAcA==") }
    #expect(refused.replies == [535, 535, 535, 421])
    #expect(refused.closed)
}

@Test func startTLSForgetsEverything() {
    var dialogue = Dialogue {
        $0.offersStartTLS = true
        $0.authentication = .offered(isMandatory: false, allowsClear: true)
    }
    for line in ["EHLO a", "AUTH PLAIN AHUAcA==", "MAIL FROM:<a@b>", "STARTTLS"] { dialogue.say(line) }
    #expect(dialogue.session.envelope == nil && dialogue.session.authenticatedUser == nil)
    #expect(dialogue.session.helloName == nil && dialogue.session.isSecure)
    dialogue.say("STARTTLS")
    #expect(dialogue.replies == [250, 235, 250, 220, 503])
}

@Test func limitsEndInAReply() {
    var dialogue = Dialogue { $0.maximumRecipients = 2 }
    dialogue.say("MAIL FROM:<a@b>")
    for _ in 0..<3 { dialogue.say("RCPT TO:<a@b>") }
    #expect(dialogue.replies == [250, 250, 250, 452])
    var bad = Dialogue()
    for _ in 0..<21 { bad.say("FOO") }
    #expect(bad.replies == Array(repeating: 500, count: 20) + [421])
    #expect(bad.closed)
}

@Test func directMailsDialect() {
    var settings = ServerSession.Settings(hostname: "x")
    settings.dialect = .directMail
    settings.offersStartTLS = true
    settings.authentication = .offered(isMandatory: true, allowsClear: true)
    var session = ServerSession(settings: settings)
    #expect(session.greeting().text == "smtp.aliyun-inc.com MX AliMail Server(127.0.0.1)")
    guard case .reply(let hello)? = session.receive(Array("EHLO a".utf8)).first else {
        Issue.record("no reply")
        return
    }
    #expect(
        hello.lines == [
            "smtp.aliyun-inc.com", "STARTTLS", "8BITMIME", "AUTH=PLAIN LOGIN XALIOAUTH", "AUTH PLAIN LOGIN XALIOAUTH",
            "PIPELINING", "DSN",
        ])
    #expect(session.receive(Array("AUTH LOGIN".utf8)) == [.reply(Reply(334, nil, "dXNlcm5hbWU6"))])
}

@Test func linesAreCutTheSameHoweverTheyCome() {
    let input = Array("EHLO a\r\nNOOP\n\(String(repeating: "x", count: 60))\r\nQUIT\r\n".utf8)
    func cut(_ sizes: () -> Int) -> [CommandLineFramer.Step] {
        var framer = CommandLineFramer()
        var steps: [CommandLineFramer.Step] = []
        var rest = input[...]
        while !rest.isEmpty {
            var piece = rest.prefix(sizes())
            rest = rest.dropFirst(piece.count)
            while !piece.isEmpty {
                let (consumed, step) = framer.consume(piece, limit: 50)
                piece = piece.dropFirst(consumed)
                if let step { steps.append(step) }
            }
        }
        return steps
    }
    let whole = cut { input.count }
    #expect(whole == [.line(Array("EHLO a".utf8)), .line(Array("NOOP".utf8)), .tooLong, .line(Array("QUIT".utf8))])
    #expect(cut { 1 } == whole)
    for _ in 0..<100 { #expect(cut { Int.random(in: 1...20) } == whole) }
}

@Test(arguments: [
    "a@b", "a.b@c.test", "\"a b\"@c", String(repeating: "v", count: 200) + "@b", "a@[127.0.0.1]", "é@ü.test",
    "postmaster", "a+b=c@d_e.test", "..a@b",
])
func addresses(_ text: String) { #expect(Mailbox(text)?.description == text) }

@Test(arguments: [
    "a", "@b", "a@", "a@@b", "a b@c", "a@b c", "a@-b", "a@b..c", "\"a@b", "a@[x", "a@b\r\nRCPT TO:<x@y>", "a\0@b",
    "a@b\u{7F}",
    String(repeating: "a", count: 1_025) + "@b", "a@b..", "a@.", "a@" + String(repeating: "b", count: 256),
])
func noAddresses(_ text: String) { #expect(Mailbox(text) == nil) }

@Test func repliesCannotBeBrokenByTheirText() {
    let reply = Reply(550, EnhancedStatusCode(5, 1, 1), ["a\r\n250 b", String(repeating: "x", count: 600)])
    let lines = String(decoding: reply.serialized(enhanced: true), as: UTF8.self).split(separator: "\r\n")
    #expect(lines.count == 2)
    #expect(lines[0] == "550-5.1.1 a??250 b")
    #expect(lines[1].utf8.count == 510)
    #expect("\(Credentials(username: "u", password: Secret([1])))".contains("redacted"))
}

@Test func theDotOfTheRootDoesNotGoOn() { #expect(Mailbox("a@b.test.")?.description == "a@b.test") }

@Test func identitiesAreOctets() {
    func credentials(_ lines: [String]) -> Credentials? {
        var settings = ServerSession.Settings(hostname: "relay.test")
        settings.authentication = .offered(isMandatory: false, allowsClear: true)
        var session = ServerSession(settings: settings)
        for line in lines {
            if case .ask(.credentials(let credentials))? = session.receive(Array(line.utf8)).first {
                return credentials
            }
        }
        return nil
    }
    let latin = credentials(["AUTH LOGIN SvZyZw==", "cA=="])
    #expect(latin?.name == [0x4A, 0xF6, 0x72, 0x67])
    #expect(latin?.username == "J\\xf6rg")
    let other = credentials(["AUTH PLAIN eAB1AHA="])
    #expect(other?.name == Array("u".utf8) && other?.authorization == Array("x".utf8) && other?.wantsOther == true)
    #expect(credentials(["AUTH PLAIN dQB1AHA="])?.wantsOther == false)
    #expect(credentials(["AUTH PLAIN AHUAcA=="])?.wantsOther == false)
}

@Test func onlyAuthenticationMayBeLong() {
    let token = String(repeating: "AAAA", count: 2_500)
    var dialogue = Dialogue(clear)
    dialogue.say("NOOP " + token)
    dialogue.say("AUTH PLAIN " + token)
    #expect(dialogue.session.lineLimit == SMTPLimits.authLineOctets)
    // Read to its end, and found to hold three NULs too many.
    #expect(dialogue.replies == [500, 501])
}

@Test(arguments: [
    ("EHLO a", 554), ("HELO a", 554), ("NOOP", 554), ("VRFY a", 554), ("STARTTLS", 554), ("AUTH PLAIN", 554),
    ("MAIL FROM:<a@b>", 250), ("RSET", 250), ("FOO", 500), ("QUIT", 221),
])
func whoDoesNotWaitIsSentAway(_ line: String, _ code: Int) {
    for synchronisation in [ServerSession.Synchronisation.strict, .lenient] {
        var settings = ServerSession.Settings(hostname: "relay.test")
        settings.synchronisation = synchronisation
        settings.offersStartTLS = true
        settings.authentication = .offered(isMandatory: false, allowsClear: true)
        var session = ServerSession(settings: settings)
        var codes: [Int] = []
        for action in session.receive(Array(line.utf8), hasMore: true) {
            switch action {
            case .reply(let reply): codes.append(reply.code)
            case .ask: if case .reply(let reply)? = session.answer(.accept).first { codes.append(reply.code) }
            case .receiveContent, .startTLS, .close: continue
            }
        }
        #expect((codes == [554]) == (synchronisation == .strict && code == 554), "\(line): \(codes)")
        #expect(session.wasOutOfTurn == (synchronisation == .strict && code == 554))
    }
}

/// A password is not followed by anything until it is answered (RFC 4954 §4).
@Test(arguments: [ServerSession.Synchronisation.strict, .lenient], ["AUTH PLAIN", "AUTH LOGIN"])
func whoDoesNotWaitInALoginIsSentAway(_ synchronisation: ServerSession.Synchronisation, _ command: String) {
    var settings = ServerSession.Settings(hostname: "relay.test")
    settings.synchronisation = synchronisation
    settings.authentication = .offered(isMandatory: false, allowsClear: true)
    var session = ServerSession(settings: settings)
    _ = session.receive(Array(command.utf8))
    let actions = session.receive(Array("AHUAcA==".utf8), hasMore: true)
    let isSentAway = actions.contains { if case .reply(let reply) = $0 { reply.code == 554 } else { false } }
    #expect(isSentAway == (synchronisation == .strict))
    #expect(session.isClosed == (synchronisation == .strict) && session.wasOutOfTurn == session.isClosed)
}

@Test func earlyTalkEndsWhatIsStrict() {
    var settings = ServerSession.Settings(hostname: "relay.test")
    var lenient = ServerSession(settings: settings)
    #expect(lenient.earlyTalk() == [])
    settings.synchronisation = .strict
    var strict = ServerSession(settings: settings)
    #expect(strict.earlyTalk().last == .close)
    #expect(strict.isClosed && strict.wasOutOfTurn)
}
