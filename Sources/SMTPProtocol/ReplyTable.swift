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

    private static let login = "the upstream wants a login: check `username` and `password-file`"

    /// Rows for every upstream.
    public static let common: [ReplyRow] = [
        ReplyRow(
            code: 552, text: "quota", verdict: .deferred,
            sentence: "a sending quota or a mailbox is full: heals with time"),
        ReplyRow(
            code: 552, phase: .recipient, verdict: .nextTransaction,
            sentence: "too many recipients for one transaction (RFC 5321 §4.5.3.1.10)"),
        ReplyRow(
            code: 452, phase: .recipient, verdict: .nextTransaction,
            sentence: "too many recipients for one transaction, or no room for now"),
        ReplyRow(
            code: 530, verdict: .paused,
            sentence: "the upstream wants a login or TLS first: check `username`, `password-file` and `tls`"),
        ReplyRow(code: 534, verdict: .paused, sentence: "the upstream wants another way to log in"),
        ReplyRow(code: 535, verdict: .paused, sentence: login),
        ReplyRow(code: 538, verdict: .paused, sentence: "the upstream takes a login under TLS only: check `tls`"),
        ReplyRow(code: 454, text: "auth", phase: .mail, verdict: .paused, sentence: login),
        // QUIRK: servers that had AUTH before RFC 4954 gave the code 530 to it.
        ReplyRow(code: 503, text: "auth", phase: .mail, verdict: .paused, sentence: login),
        ReplyRow(code: 550, text: "authentication required", phase: .mail, verdict: .paused, sentence: login),
        ReplyRow(code: 550, text: "authentication is required", phase: .mail, verdict: .paused, sentence: login),
        ReplyRow(code: 553, text: "authentication required", phase: .mail, verdict: .paused, sentence: login),
        ReplyRow(code: 553, text: "authentication is required", phase: .mail, verdict: .paused, sentence: login),
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
    public func classify(_ result: RecipientReply) -> (verdict: ReplyVerdict, sentence: String?) {
        let words = result.reply.text.lowercased()
        if let row = rows.first(where: { $0.fits(result, lowercased: words) }) {
            return (softBounce && row.verdict == .failed ? .deferred : row.verdict, row.sentence)
        }
        return (result.reply.severity == .permanent && !softBounce ? .failed : .deferred, nil)
    }
}
