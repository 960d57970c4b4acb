import SMTPProtocol
import Testing

/// An upstream's words, and what the client under test makes of them.
struct HeardUpstream {
    var session: ClientSession
    var framer = ReplyFramer()
    var sent: [String] = []
    var results: [RecipientReply]?
    var failure: ClientFailure?
    var sendsContent = false

    init(_ settings: ClientSession.Settings) { session = ClientSession(settings: settings) }

    mutating func hear(_ text: String) {
        let bytes = Array(text.replacing("\n", with: "\r\n").utf8)
        var rest = bytes[...]
        while !rest.isEmpty, failure == nil {
            do {
                let (consumed, reply) = try framer.consume(rest)
                rest = rest.dropFirst(consumed)
                if let reply { run(session.receive(reply, hasMore: !rest.isEmpty)) }
            } catch {
                failure = .violation(error.sentence)
            }
        }
    }

    /// Each reply for itself, as from a server that waits for what it answers.
    mutating func hearEach(_ text: String) {
        for line in text.split(separator: "\n") { hear(line + "\n") }
    }

    mutating func run(_ actions: [ClientSession.Action]) {
        for action in actions {
            switch action {
            case .send(let bytes):
                sent += String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
            case .startTLS: run(session.tlsEstablished())
            case .sendContent: sendsContent = true
            case .finished(let replies): results = replies
            case .fail(let reason): failure = reason
            case .ready, .close: continue
            }
        }
    }
}

private let hello = "220 hi\n250-x\n250-PIPELINING\n250-SIZE 100\n250-STARTTLS\n250 AUTH LOGIN PLAIN\n"
private let secured = hello + "220 go\n"
private let again = "250-x\n250-PIPELINING\n250-8BITMIME\n250 AUTH=LOGIN\n"

func clientTransaction(_ count: Int = 2) throws -> Transaction {
    let sender = try #require(Mailbox("s@x.test"))
    let recipients = try (0..<count).map { ForwardPath(try #require(Mailbox("r\($0)@y.test"))) }
    return Transaction(reversePath: ReversePath(sender), recipients: recipients, octets: 5, isEightBit: true)
}

func readyUpstream(_ lockStep: Bool = false) throws -> HeardUpstream {
    var upstream = HeardUpstream(ClientSession.Settings(hostname: "me", requiresStartTLS: false))
    upstream.hear("220 hi\n" + (lockStep ? "250 x\n" : "250-x\n250 PIPELINING\n"))
    upstream.sent = []
    #expect(upstream.session.isReady)
    return upstream
}

@Test func startTLSThenLogin() {
    let credentials = Credentials(username: "u", password: Secret(Array("p".utf8)))
    var upstream = HeardUpstream(ClientSession.Settings(hostname: "me", credentials: credentials))
    upstream.hear(hello)
    upstream.hear("220 go\n")
    upstream.hear(again)
    upstream.hear("334 dXNlcm5hbWU6\n")
    upstream.hear("334 UGFzc3dvcmQ6\n")
    upstream.hear("235 ok\n")
    #expect(upstream.sent == ["EHLO me", "STARTTLS", "EHLO me", "AUTH LOGIN", "dQ==", "cA=="])
    #expect(upstream.session.isReady)
    #expect(upstream.session.capabilities.eightBitMIME && upstream.session.capabilities.size == nil)
}

@Test(arguments: [
    ("554 no\n", ClientFailure.greeting(Reply(554, nil, "no"))), ("421 busy\n", .closing(Reply(421, nil, "busy"))),
    ("220 hi\n250 x\n", .startTLSNotOffered),
    (hello + "454 4.7.0 no\n", .startTLSRefused(Reply(454, EnhancedStatusCode(4, 7, 0), "no"))),
    (hello + "220 go\n250 x\n", .responseInjection), ("220 hi\n550 what\n", .hello(Reply(550, nil, "what"))),
    ("garbage\n", .violation("not a reply: \"garbage\"")), ("220-a\n221 b\n", .violation("not a reply: \"221 b\"")),
    ("220" + String(repeating: "x", count: 5_000), .violation("a reply line exceeds 4096 octets")),
    (String(repeating: "220-a\n", count: 101), .violation("a reply has more than 100 lines")),
])
func failuresHaveTheirName(_ text: String, _ failure: ClientFailure) {
    var upstream = HeardUpstream(ClientSession.Settings(hostname: "me"))
    upstream.hear(text)
    #expect(upstream.failure == failure)
    #expect(!failure.sentence.isEmpty)
    #expect(!upstream.sent.contains { $0.hasPrefix("MAIL") || $0.hasPrefix("AUTH") })
}

@Test func wrongPasswordIsItsOwnFailure() {
    let credentials = Credentials(username: "u", password: Secret([1]))
    var upstream = HeardUpstream(
        ClientSession.Settings(hostname: "me", requiresStartTLS: false, credentials: credentials))
    upstream.hear("220 hi\n250 AUTH\n")
    #expect(upstream.failure == .authenticationNotOffered(mechanisms: []))
    upstream = HeardUpstream(ClientSession.Settings(hostname: "me", requiresStartTLS: false, credentials: credentials))
    upstream.hear("220 hi\n250-x\n250 AUTH PLAIN\n535 no\n")
    #expect(upstream.failure == .authenticationRefused(Reply(535, nil, "no")))
}

@Test(arguments: [false, true])
func recipientsAreJudgedOneByOne(_ lockStep: Bool) throws {
    var upstream = try readyUpstream(lockStep)
    upstream.run(upstream.session.begin(try clientTransaction(3)))
    #expect(upstream.sent.count == (lockStep ? 1 : 5))
    upstream.hearEach("250 ok\n250 ok\n550 5.1.1 no\n452 many\n")
    #expect(!upstream.sendsContent)
    upstream.hear("354 go\n")
    #expect(upstream.sendsContent)
    #expect(upstream.session.standing == .notTaken)
    upstream.session.contentSent()
    #expect(upstream.session.standing == .awaitsVerdict)
    upstream.hear("250 2.0.0 queued\n")
    let results = try #require(upstream.results)
    #expect(results.map(\.isAccepted) == [true, false, false])
    #expect(results.map(\.reply.code) == [250, 550, 452])
    #expect(upstream.session.isReady)
}

@Test(arguments: [false, true])
func noContentWhereNobodyIsAccepted(_ lockStep: Bool) throws {
    var upstream = try readyUpstream(lockStep)
    upstream.run(upstream.session.begin(try clientTransaction(1)))
    upstream.hearEach(lockStep ? "250 ok\n550 no\n250 reset\n" : "250 ok\n550 no\n354 go\n554 nothing\n")
    #expect(!upstream.sendsContent)
    #expect(upstream.results?.map(\.reply.code) == [550])
    #expect(upstream.sent.contains(lockStep ? "RSET" : "."))
    #expect(upstream.session.isReady)
}

@Test(arguments: [false, true])
func aRefusedSenderRefusesAll(_ lockStep: Bool) throws {
    var upstream = try readyUpstream(lockStep)
    upstream.run(upstream.session.begin(try clientTransaction(2)))
    upstream.hear(lockStep ? "436 no\n" : "436 no\n503 x\n503 x\n503 x\n")
    #expect(upstream.results?.map(\.reply.code) == [436, 436])
    #expect(upstream.results?.first?.phase == .mail)
    #expect(upstream.session.isReady)
}

@Test func closingInTheMiddleNamesThePhase() throws {
    var upstream = try readyUpstream()
    upstream.run(upstream.session.begin(try clientTransaction(2)))
    upstream.hear("250 ok\n550 no\n421 bye\n")
    #expect(upstream.results?.map(\.reply.code) == [550, 421])
    #expect(upstream.failure == .closing(Reply(421, nil, "bye")))
}

@Test func repliesAreCutTheSameHoweverTheyCome() throws {
    let input = Array("250-2.1.0 a\r\n250 2.1.0 b\r\n550 5.1.1 \u{1}x\r\n354\r\n".utf8)
    func cut(_ size: () -> Int) throws -> [Reply] {
        var framer = ReplyFramer()
        var replies: [Reply] = []
        var rest = input[...]
        while !rest.isEmpty {
            var piece = rest.prefix(size())
            rest = rest.dropFirst(piece.count)
            while !piece.isEmpty {
                let (consumed, reply) = try framer.consume(piece)
                piece = piece.dropFirst(consumed)
                if let reply { replies.append(reply) }
            }
        }
        return replies
    }
    let whole = try cut { input.count }
    #expect(
        whole == [
            Reply(250, EnhancedStatusCode(2, 1, 0), ["a", "b"]), Reply(550, EnhancedStatusCode(5, 1, 1), "\\x01x"),
            Reply(354, nil, ""),
        ])
    #expect(try cut { 1 } == whole)
    for _ in 0..<100 { #expect(try cut { Int.random(in: 1...9) } == whole) }
}

@Test(arguments: [
    (436, "x", DialoguePhase.mail, ReplyVerdict.failed), (552, "Daily sending quota exceeded", .mail, .deferred),
    (552, "too big", .content, .failed), (552, "too many", .recipient, .nextTransaction),
    (452, "too many", .recipient, .nextTransaction), (452, "no room", .mail, .deferred), (450, "x", .mail, .deferred),
    (550, "x", .recipient, .failed), (530, "5.7.0 Must issue a STARTTLS command first", .mail, .paused),
    (530, "x", .recipient, .paused), (535, "x", .mail, .paused), (534, "x", .mail, .paused), (538, "x", .data, .paused),
    (454, "Temporary authentication failure", .mail, .paused), (454, "Throttling failure", .mail, .deferred),
    (503, "Error: need EHLO and AUTH first !", .mail, .paused), (503, "bad sequence", .mail, .failed),
    (553, "Authentication is required", .mail, .paused), (550, "sender not authorized", .mail, .failed),
    (550, "authentication required", .recipient, .failed),
])
func theReplyTable(_ code: Int, _ text: String, _ phase: DialoguePhase, _ verdict: ReplyVerdict) {
    let result = RecipientReply(reply: Reply(code, nil, text), phase: phase)
    #expect(ReplyTable(rows: ReplyTable.directMail).classify(result).verdict == verdict)
    let soft = ReplyTable(rows: ReplyTable.directMail, softBounce: true).classify(result).verdict
    #expect(soft == (verdict == .failed ? .deferred : verdict))
}
