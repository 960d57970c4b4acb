/// What a queue cannot do.
public enum QueueError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no room for more.
    case full(String)
    /// A write or sync failed; nothing was accepted.
    case storageFailed(String)
    /// The content is not what was written.
    case damaged(QueueID)
    /// The content could not be read this time; that says nothing about it.
    case unreadable(QueueID, String)
    /// To open it could destroy mail.
    case refused(String)
    /// Another process serves it.
    case inUse(String)
    /// Nobody waited for the commit any more when its turn came; nothing of it was written.
    case withdrawn

    /// The error in words.
    public var description: String {
        switch self {
        case .full(let text), .refused(let text), .inUse(let text): text
        case .storageFailed(let text): "The queue cannot be written: \(text)"
        case .damaged(let id): "The content of \(id) is damaged; it is kept and not sent"
        case .unreadable(let id, let text): "The content of \(id) cannot be read now, it is tried again later: \(text)"
        case .withdrawn: "Nobody waits for the answer any more; nothing was written"
        }
    }
}
