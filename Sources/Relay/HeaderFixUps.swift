import MailMessage
import Tracking

/// What a submission server may do to a header (RFC 6409 §8), as splices; the same for every retry.
struct HeaderFixUps {
    let hostname: String
    let queueID: String
    let note: MessageNote
    /// Milliseconds since 1970.
    let arrival: Int64
    /// Whether the transform changes the mail; it brings the empty line that a mail without a header lacks.
    let isRewritten: Bool
    /// What the upstream is asked to track, where it does (§7 of the contract).
    let request: TraceRequest?

    /// Received in front, then what is missing of Date, Message-ID and MIME-Version, where every reader still sees
    /// header; ``DroppedFields`` removed.
    ///
    /// MIME-Version is missing where another MIME field stands (RFC 2045 §4): a mail without any is no MIME mail, and
    /// stays none. The transform brings its own.
    func splices(_ header: HeaderSection, in message: [UInt8]) -> SpliceList {
        let start = header.range.lowerBound
        var top = received
        var hasDate = false
        var hasMessageID = false
        var hasMIMEVersion = false
        var isMIME = false
        for field in header.fields {
            switch field.name.count {
            case 4 where Self.matches(field, "date", message): hasDate = true
            case 10 where Self.matches(field, "message-id", message): hasMessageID = true
            case 12 where Self.matches(field, "mime-version", message): hasMIMEVersion = true
            case 12 where Self.matches(field, "content-type", message),
                25 where Self.matches(field, "content-transfer-encoding", message):
                isMIME = true
            default: continue
            }
        }
        if let request {
            top += Array("\(TraceHeader.name): ".utf8) + TraceHeader.encode(request) + [0x0D, 0x0A]
        }
        if !hasDate { top += Array("Date: \(CalendarTime(milliseconds: arrival).mailDate)\r\n".utf8) }
        if !hasMessageID { top += Array("Message-ID: <\(queueID)@\(hostname)>\r\n".utf8) }
        if isMIME, !hasMIMEVersion, !isRewritten { top += Array("MIME-Version: 1.0\r\n".utf8) }
        if header.fields.isEmpty, header.bodyStart == start {
            // No header at all: the separating line is missing too.
            if !isRewritten { top += [0x0D, 0x0A] }
        } else if header.defects.contains(.mailboxLine) {
            // QUIRK: mbox files put through a mailer start so. In the middle of a header it would end it (RFC 5322 §2.2);
            // as a field, the way Postfix writes it, nothing is lost.
            top += Array("Mailbox-Line: ".utf8)
        }
        return SpliceList(inserting: top, at: start, removing: DroppedFields.find(in: header, of: message).map(\.whole))
    }

    /// RFC 5321 §4.4; an IPv6 address is tagged (§4.1.3).
    private var received: [UInt8] {
        let host = note.helo.isEmpty ? "unknown" : note.helo
        let tag = note.client.utf8.contains(UInt8(ascii: ":")) ? "IPv6:" : ""
        let text =
            "Received: from \(Self.word(host)) ([\(tag)\(Self.word(note.client))])\r\n"
            + "\tby \(hostname) (tracerelay) with \(note.with) id \(queueID);\r\n"
            + "\t\(CalendarTime(milliseconds: arrival).mailDate)\r\n"
        return Array(text.utf8)
    }

    /// What a client called itself, without anything that means something in a header.
    private static func word(_ text: String) -> String {
        String(
            decoding: text.utf8.prefix(255).map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                    byte
                default: UInt8(ascii: "?")
                }
            }, as: UTF8.self)
    }

    private static func matches(_ field: HeaderField, _ name: String, _ message: [UInt8]) -> Bool {
        message[field.name].elementsEqual(name.utf8) { $0 == $1 || ($0 | 0x20 == $1 && $0 >= 0x41) }
    }
}
