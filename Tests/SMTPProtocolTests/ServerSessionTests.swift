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
    (["RCPT TO:<>", "EHLO", "HELO ", "QUIT x", "FOO", "STARTTLS"], [501, 501, 501, 501, 500, 502]),
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
    (["AUTH PLAIN eAB1AHA="], [501]), (["AUTH CRAM-MD5"], [504]), (["AUTH"], [501]),
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
    "a@b", "a.b@c.test", "\"a b\"@c", "a@[127.0.0.1]", "é@ü.test", "postmaster", "a+b=c@d_e.test", "..a@b",
])
func addresses(_ text: String) { #expect(Mailbox(text)?.description == text) }

@Test(arguments: [
    "a", "@b", "a@", "a@@b", "a b@c", "a@b c", "a@-b", "a@b..c", "\"a@b", "a@[x", "a@b\r\nRCPT TO:<x@y>", "a\0@b",
    "a@b\u{7F}",
    String(repeating: "a", count: 65) + "@b", "a@" + String(repeating: "b", count: 256),
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
