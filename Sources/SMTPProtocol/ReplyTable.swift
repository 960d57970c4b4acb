/// What a negative reply means for the mail.
public enum ReplyVerdict: String, Sendable, CaseIterable {
    /// Try again later.
    case deferred
    /// Never try again.
    case failed
}

/// A row: replies with this code, and this text where one is given, mean this.
public struct ReplyRow: Sendable, Hashable {
    /// 400–599.
    public let code: Int
    /// Must occur in the text, without regard to ASCII case; empty for any text.
    public let text: String
    /// What it means.
    public let verdict: ReplyVerdict
    /// Why, for people.
    public let sentence: String

    /// A row with all its parts.
    public init(code: Int, text: String = "", verdict: ReplyVerdict, sentence: String) {
        self.code = code
        self.text = text
        self.verdict = verdict
        self.sentence = sentence
    }
}

/// Replies whose meaning is not the one their first digit gives (RFC 5321 §4.2.1).
public struct ReplyTable: Sendable, Hashable {
    /// The first row that fits counts.
    public var rows: [ReplyRow]
    /// Whether every 5xx defers (Postfix's `soft_bounce`).
    public var softBounce: Bool

    /// A table.
    public init(rows: [ReplyRow] = ReplyTable.common, softBounce: Bool = false) {
        self.rows = rows
        self.softBounce = softBounce
    }

    /// Rows for every upstream.
    public static let common: [ReplyRow] = [
        ReplyRow(
            code: 552, text: "quota", verdict: .deferred,
            sentence: "a sending quota or a mailbox is full: heals with time")
    ]

    /// Rows for Direct Mail.
    public static let directMail: [ReplyRow] =
        common + [
            ReplyRow(
                code: 436, verdict: .failed,
                sentence: "the envelope sender is not the AUTH user's address: never heals; see `rewrite-sender`"),
            ReplyRow(
                code: 440, verdict: .failed,
                sentence: "the envelope sender is not the AUTH user's address: never heals; see `rewrite-sender`"),
            ReplyRow(
                code: 551, text: "account unavailable", verdict: .deferred,
                sentence: "the account is restricted: call the vendor"),
        ]

    /// What a negative reply means, and why if a row says so.
    public func classify(_ reply: Reply) -> (verdict: ReplyVerdict, sentence: String?) {
        let text = reply.text.lowercased()
        if let row = rows.first(where: {
            $0.code == reply.code && ($0.text.isEmpty || text.contains($0.text.lowercased()))
        }) {
            return (softBounce ? .deferred : row.verdict, row.sentence)
        }
        return (reply.severity == .permanent && !softBounce ? .failed : .deferred, nil)
    }
}
