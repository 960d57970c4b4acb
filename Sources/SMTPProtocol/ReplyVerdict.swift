/// What a negative reply means for the mail.
public enum ReplyVerdict: String, Sendable, CaseIterable {
    /// Try again later.
    case deferred
    /// Never try again.
    case failed
    /// Not in this transaction: at once in another where this one got something done, else later.
    case nextTransaction = "next-transaction"
    /// The upstream takes nothing from this relay as it is configured: all its mail waits until somebody mends that.
    case paused
}
