public import Tracking

/// What is remembered of a queued mail besides envelope and content: for Received, logs, lists and events.
public struct MessageNote: Sendable, Hashable {
    /// What its tokens call it.
    public var message: TrackingMessageID
    /// What the client said in HELO or EHLO.
    public var helo = ""
    /// The client's address.
    public var client = ""
    /// RFC 3848 word, such as `ESMTPS`.
    public var with = "SMTP"
    /// Domain of the From field.
    public var fromDomain = ""
    /// The Message-ID field, escaped.
    public var messageID = ""
    /// The tag, where there is one.
    public var tag = ""
    /// Why it is not tracked, or empty.
    public var untracked = ""
    /// What may be stored of its people, as it was when the mail was accepted; `nil` in notes of older versions.
    public var privacy: Privacy?

    /// A note with its id.
    init(message: TrackingMessageID) { self.message = message }

    /// The note as octets: fields that each end with a NUL.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        let privacy = self.privacy?.rawValue ?? ""
        for field in [message.description, helo, client, with, fromDomain, messageID, tag, untracked, privacy] {
            bytes.append(contentsOf: field.utf8.lazy.filter { $0 != 0 }.prefix(500))
            bytes.append(0)
        }
        return bytes
    }

    /// Reads a note; `nil` for anything else.
    public init?(encoded bytes: [UInt8]) {
        let fields = bytes.split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard fields.count >= 9, let message = TrackingMessageID(hexadecimal: fields[0]) else { return nil }
        self.message = message
        helo = fields[1]
        client = fields[2]
        with = fields[3]
        fromDomain = fields[4]
        messageID = fields[5]
        tag = fields[6]
        untracked = fields[7]
        privacy = Privacy(rawValue: fields[8])
    }
}
