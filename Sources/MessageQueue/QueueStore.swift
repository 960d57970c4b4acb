/// What a queue cannot do.
public enum QueueError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Less free than is needed.
    case diskFull(path: String, free: Int, needed: Int)
    /// A write or sync failed; nothing was accepted.
    case storageFailed(String)
    /// The content is not what was written.
    case damaged(QueueID)
    /// Another process serves this directory.
    case locked(path: String)

    /// The error in words.
    public var description: String {
        switch self {
        case .diskFull(let path, let free, let needed):
            "Insufficient system storage: \(path) has \(free >> 20) MiB free, \(needed >> 20) MiB needed"
        case .storageFailed(let text): "The queue cannot be written: \(text)"
        case .damaged(let id): "The content of \(id) is damaged; it is kept and not sent"
        case .locked(let path): "\(path) is in use by another tracerelay"
        }
    }
}

/// The content of a message on its way into the queue.
public enum QueueContent: Sendable {
    /// All of it.
    case memory([UInt8])
    /// In a file of its own.
    case spilled(any QueueSpill)
}

/// A large content while it arrives: a file that becomes part of the queue at commit.
public protocol QueueSpill: AnyObject, Sendable {
    /// Octets so far.
    var count: Int { get }
    /// The first octets, enough for a header section.
    var head: [UInt8] { get }
    /// Appends a piece.
    /// - Throws: ``QueueError``.
    func append(_ piece: [UInt8]) async throws
    /// Removes the file; nothing happens once it is committed.
    func discard()
}

/// What was found at start.
public struct QueueRecovery: Sendable, Hashable {
    /// Messages in the queue.
    public var messages = 0
    /// Segments that nothing points into, removed.
    public var orphanedSegments = 0

    /// Nothing.
    public init() {}
}

/// What a queue needs of a store. Calls that do not throw are queued and become durable with the next group commit.
public protocol QueueStore: Sendable {
    /// Opens, recovers and locks.
    /// - Throws: ``QueueError``.
    func open() async throws -> QueueRecovery
    /// Makes a message durable, content first; returns once both are synced.
    /// - Returns: the message with its place.
    /// - Throws: ``QueueError``; then nothing of it is left.
    func commit(_ message: QueuedMessage, _ content: QueueContent) async throws -> QueuedMessage
    /// Writes state, recipients and times; never brings back a message that was deleted.
    func update(_ message: QueuedMessage)
    /// Deletes a message and gives its place back.
    func remove(_ id: QueueID)
    /// The content, checked.
    /// - Throws: ``QueueError``.
    func content(of message: QueuedMessage) async throws -> [UInt8]
    /// Messages that are due and neither held nor damaged, the longest due first.
    /// - Throws: ``QueueError``.
    func due(_ upstream: String, before now: Int64, limit: Int) async throws -> [QueuedMessage]
    /// When the next message becomes due after `now`.
    /// - Throws: ``QueueError``.
    func nextDue(after now: Int64) async throws -> Int64?
    /// Gives messages of upstreams that are no longer configured to `fallback`.
    /// - Throws: ``QueueError``.
    func reassign(unless known: [String], to fallback: String) async throws
    /// A number that changes when another process has changed the store.
    /// - Throws: ``QueueError``.
    func changeCount() async throws -> Int
    /// A place for a large content.
    /// - Throws: ``QueueError``.
    func makeSpill() throws -> any QueueSpill
    /// Writes what is queued and closes.
    func close() async
}
