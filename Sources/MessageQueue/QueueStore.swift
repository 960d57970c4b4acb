/// The content of a message on its way into the queue.
public enum QueueContent: Sendable {
    /// All of it.
    case memory([UInt8])
    /// In a file of its own.
    case spilled(any QueueSpill)
}

/// A large content while it arrives, in a place of the store it belongs to.
public protocol QueueSpill: AnyObject, Sendable {
    /// Octets so far.
    var count: Int { get }
    /// The first octets, enough for a header section.
    var head: [UInt8] { get }
    /// Appends a piece.
    /// - Throws: ``QueueError``.
    func append(_ piece: [UInt8]) async throws
    /// Makes a message of it, in the store it belongs to: as ``QueueStore/commit(_:_:telling:)``.
    /// - Throws: ``QueueError``; then nothing of it is left.
    func commit(_ message: QueuedMessage, telling records: [[UInt8]]) async throws
    /// Gives its place back; nothing happens once it is committed.
    func discard()
}

extension QueueContent {
    /// Octets.
    var count: Int {
        switch self {
        case .memory(let bytes): bytes.count
        case .spilled(let spill): spill.count
        }
    }
}

/// What was found at start.
public struct QueueRecovery: Sendable, Hashable {
    /// Messages in the queue.
    public var messages = 0
    /// Messages that failed for good and are kept.
    public var failed = 0
    /// Messages whose row or content is damaged; kept.
    public var damaged = 0
    /// Segments all of whose messages have left the queue, removed.
    public var orphanedSegments = 0
    /// Segments, and ends of segments, that no row points into, though they may hold mail: set aside, now or earlier.
    public var setAside = 0
    /// Whether rows were lost for certain: contents were in rows on disk that are not there now.
    public var isOlderThanMail = false
    /// What was wrong and has been mended, in words.
    public var mended: [String] = []
    /// The youngest message's id: what is accepted from now on comes after it.
    public var youngest: QueueID?

    /// Nothing.
    public init() {}
}

/// What a queue needs of a store. Calls that do not throw are queued and become durable with the next
/// group commit that succeeds.
public protocol QueueStore: Sendable {
    /// Opens, recovers and locks.
    /// - Throws: ``QueueError``.
    func open() async throws -> QueueRecovery
    /// Makes a message durable, content first; returns once both are synced. In a task that is cancelled before that has
    /// begun nothing is written; what has begun goes on.
    /// - Parameter records: what is told of it, once it is durable.
    /// - Throws: ``QueueError``; then nothing of it is left, and nothing is told.
    func commit(_ message: QueuedMessage, _ content: [UInt8], telling records: [[UInt8]]) async throws
    /// Writes state, recipients and times; never brings back a message that was deleted. What is told becomes durable with it.
    func update(_ message: QueuedMessage, telling records: [[UInt8]])
    /// Deletes a message and gives its place back. What is told becomes durable with it.
    func remove(_ id: QueueID, telling records: [[UInt8]])
    /// From now on tells what is durable, in order; first what was told before and not acknowledged.
    /// - Throws: ``QueueError``.
    func tell(_ listener: @escaping QueueListener) async throws
    /// Whoever is told has the notices up to `number` for good; they are forgotten in passing.
    func told(upTo number: Int64)
    /// The content, checked.
    /// - Throws: ``QueueError``.
    func content(of id: QueueID) async throws -> [UInt8]
    /// Messages that are due and neither held, failed nor damaged, the longest due first. None whose latest outcome is not
    /// written yet; none that cannot be read whole: such a one is marked damaged.
    /// - Parameter horizon: what is due later than that was written under another clock, and is due as well.
    /// - Throws: ``QueueError``.
    func due(_ upstream: String, before now: Int64, beyond horizon: Int64, limit: Int) async throws -> [QueuedMessage]
    /// When the next message of these upstreams becomes due after `now`.
    /// - Throws: ``QueueError``.
    func nextDue(_ upstreams: [String], after now: Int64) async throws -> Int64?
    /// Gives messages of upstreams that are no longer configured to `fallback`.
    /// - Throws: ``QueueError``.
    func reassign(unless known: [String], to fallback: String) async throws
    /// Whether another process has changed the store since this was asked last.
    /// - Throws: ``QueueError``.
    func wasChangedByOthers() async throws -> Bool
    /// A place for a large content.
    /// - Throws: ``QueueError``.
    func makeSpill() throws -> any QueueSpill
    /// Messages whose latest outcome could not be written so far; it is tried again until it can.
    var unwritten: Int { get }
    /// Outcomes that are not on disk yet, ``unwritten`` among them: each is a mail that a crash now would send again. True
    /// whenever a question is answered.
    var owed: Int { get }
    /// Writes what is queued and closes.
    func close() async

    // MARK: The desk

    /// Messages by age, behind `id`.
    /// - Throws: ``QueueError``.
    func list(after id: QueueID?, limit: Int) async throws -> [QueuedMessage]
    /// How many there are.
    /// - Throws: ``QueueError``.
    func census() async throws -> QueueCensus
    /// One message.
    /// - Throws: ``QueueError``.
    func message(_ id: QueueID) async throws -> QueuedMessage?
    /// Makes messages due now; all where `ids` is `nil`. Those that failed wait anew for whoever did not get them; those that
    /// are damaged are read again, and wait again where they are whole.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - lifetime: milliseconds that failed ones get from now.
    /// - Throws: ``QueueError``.
    func retry(_ ids: [QueueID]?, now: Int64, lifetime: Int64) async throws -> QueueRetry
    /// Holds or releases messages; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: ``QueueError``.
    func hold(_ ids: [QueueID]?, _ isHeld: Bool) async throws -> Int
    /// Deletes messages; all where `ids` is `nil`.
    /// - Returns: how many.
    /// - Throws: ``QueueError``.
    func delete(_ ids: [QueueID]?) async throws -> Int
}
