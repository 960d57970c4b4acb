import MailMessage
import MessageQueue
import Testing
import Tracking

@testable import Relay

private func fixed(_ lines: [String], client: String = "192.0.2.1", isRewritten: Bool = false) throws -> [String] {
    let message = Array(lines.joined(separator: "\r\n").utf8)
    let header = try HeaderSection.parse(message, in: message.indices)
    var note = MessageNote(message: .unknown)
    note.client = client
    let maker = HeaderFixUps(
        hostname: "relay.test", queueID: "ID", note: note, arrival: 1_795_000_000_000, isRewritten: isRewritten,
        request: nil)
    let edits = maker.splices(header, in: message)
    return String(decoding: edits.applied(to: message), as: UTF8.self).components(separatedBy: "\r\n")
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}

@Suite struct HeaderFixUpsTests {
    @Test(arguments: [("192.0.2.1", "([192.0.2.1])"), ("::1", "([IPv6:::1])"), ("2001:db8::5", "([IPv6:2001:db8::5])")])
    func addressLiteralsAreTagged(_ client: String, _ literal: String) throws {
        #expect(try fixed(["From: a@b.example", "", "x"], client: client)[0] == "Received: from unknown \(literal)")
    }

    @Test(arguments: [
        "Bcc", "BCC", "bcc ", "Resent-Bcc", "resent-bcc\t", "Return-Path", "Content-Length", "X-AliDM-Trace",
    ])
    func whatMustNotGoOutDoesNotWhereverAReaderMayFindIt(_ name: String) throws {
        let field = ["\(name): x1@example.org,", "\tx2@example.org", " x3@example.org"]
        let whole = try fixed(["From: a@b.example"] + field + ["Subject: s", "", "Bcc: text"])
        #expect(whole.suffix(4) == ["From: a@b.example", "Subject: s", "", "Bcc: text"])
        let cut = try fixed(["From: a@b.example", "no field", "X-A: 1"] + field + ["Subject: s", "", "Bcc: text"])
        #expect(cut.suffix(6) == ["From: a@b.example", "no field", "X-A: 1", "Subject: s", "", "Bcc: text"])
        let blank = try fixed([" leading", "From: a@b.example"] + field + ["", "Bcc: text"])
        #expect(!blank.contains { $0.contains("x1@") || $0.contains("x2@") || $0.contains("x3@") })
        #expect(blank.last == "Bcc: text")
    }

    @Test func aTextWithoutHeaderKeepsItsLines() throws {
        let lines = ["Hello,", "Bcc: is a word here", "", "x"]
        #expect(try fixed(lines).suffix(5) == [""] + lines)
    }

    @Test(arguments: [
        (["Content-Type: text/html"], true), (["Content-Transfer-Encoding: 8bit"], true), ([], false),
        (["mime-version: 1.0", "Content-Type: text/html"], false),
    ])
    func mimeVersionComesToMIMEMailOnly(_ fields: [String], _ isAdded: Bool) throws {
        let added = try fixed(["From: a@b.example"] + fields + ["", "x"])
        #expect(added.contains("MIME-Version: 1.0") == isAdded)
        let rewritten = try fixed(["From: a@b.example"] + fields + ["", "x"], isRewritten: true)
        #expect(!rewritten.contains("MIME-Version: 1.0"))
    }

    @Test func aMailWhoseNoteCannotBeReadGoesOutUntracked() throws {
        let decision = TrackingDecision(
            tag: try #require(TagName("T")), opens: true, clicks: true,
            policy: TagPolicy(baseURL: try BaseURL("https://t.example.com")), keyID: 1)
        let ring = KeyRing(keys: [
            TrackingKey(id: 1, secret: [UInt8](repeating: 1, count: 32), created: 0, status: .active)
        ])
        let mail = Array(
            "From: a@b.example\r\nContent-Type: text/html\r\n\r\n<a href=https://a.example/>x</a>\r\n".utf8)
        for (note, isTracked) in [
            (MessageNote(message: .unknown).encoded, true), ([UInt8](repeating: 65, count: 9), false),
        ] {
            var new = NewMessage(arrival: 1, upstream: "default", reversePath: "a@b.example", recipients: [], octets: 9)
            new.decision = decision.encoded()
            new.note = note
            let queued = QueuedMessage(new, id: QueueID(rawValue: 1), expires: 0)
            let outgoing = try OutgoingMail(queued, original: mail, hostname: "h", codec: try TrackingKeys.codec(ring))
            #expect((outgoing.render(recipient: 0).outcome != nil) == isTracked)
            #expect((outgoing.decision != nil) == isTracked)
        }
    }
}
