import MailMessage
import MessageQueue
import SMTPTransport
import Testing
import Tracking

@testable import Relay

/// Intake refuses such a header; a mail that is in the queue all the same keeps no secret less for it.
@Test func blindRecipientsGoFromAHeaderBeyondTheLimitsToo() throws {
    let fields = (0..<1_100).map { "X-\($0): a\r\n" }.joined()
    let mail = Array("\(fields)Bcc: secret@b.example\r\nSubject: s\r\n\r\nx\r\n".utf8)
    #expect(throws: HeaderLimitExceeded.self) { _ = try HeaderSection.parse(mail, in: mail.indices) }
    let new = NewMessage(arrival: 1, upstream: "default", reversePath: "a@b.example", recipients: [], octets: 9)
    let key = TrackingKey(id: 1, secret: [UInt8](repeating: 1, count: 32), created: 0, status: .active)
    let outgoing = try OutgoingMail(
        QueuedMessage(new, id: QueueID(rawValue: 1), expires: 0), original: mail, hostname: "h",
        codec: try TrackingKeys.codec(KeyRing(keys: [key])))
    let sent = outgoing.render(recipient: 0).content.pieces.flatMap { $0 }
    let text = String(decoding: sent, as: UTF8.self)
    #expect(text.hasPrefix("Received: ") && text.hasSuffix("X-1099: a\r\nSubject: s\r\n\r\nx\r\n"))
    #expect(!text.contains("secret"))
}
