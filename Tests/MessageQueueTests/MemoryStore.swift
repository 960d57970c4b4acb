import MessageQueue
import Synchronization

/// A store in memory that keeps what a store promises, durability aside.
final class MemoryStore: QueueStore {
    private struct Contents {
        var bytes: [QueueID: [UInt8]] = [:]
        /// Those that are not what was written.
        var spoiled: Set<QueueID> = []
        /// Outcomes that wait until they can be written; without message where it is removed.
        var waiting: [QueueID: (message: QueuedMessage?, telling: [[UInt8]])] = [:]
        var isWritable = true
        var isTaking = true
        var isClosed = false
    }

    let messages = Mutex<[QueueID: QueuedMessage]>([:])
    let asked = Mutex(0)
    let debts = Mutex(0)
    let changes = Mutex(0)
    /// Runs between the row and the answer to whoever committed it.
    let committed = Mutex<(@Sendable () async -> Void)?>(nil)
    /// Runs between what is found and the answer to whoever asked.
    let found = Mutex<(@Sendable (_ upstream: String) async -> Void)?>(nil)

    /// What is written meanwhile; runs before the answer to whoever asks what is due next.
    let written = Mutex<(@Sendable () async -> Void)?>(nil)

    let youngest = Mutex<QueueID?>(nil)
    private let contents = Mutex(Contents())
    private let outbox = MemoryOutbox()

    func open() async throws -> QueueRecovery {
        contents.withLock { contents in
            contents.isClosed = false
            contents.waiting = [:]
        }
        outbox.restart()
        return messages.withLock { all in
            var recovery = QueueRecovery()
            recovery.messages = all.count
            recovery.failed = all.values.count { $0.isFailed }
            recovery.damaged = all.values.count { $0.isDamaged }
            recovery.youngest = youngest.withLock { $0 } ?? all.keys.max()
            return recovery
        }
    }

    func commit(_ message: QueuedMessage, _ content: [UInt8], telling records: [[UInt8]]) async throws {
        try contents.withLock { contents in
            guard contents.isTaking, !contents.isClosed else { throw QueueError.storageFailed("nothing is taken") }
            contents.bytes[message.id] = content
        }
        messages.withLock { $0[message.id] = message }
        outbox.enter(records)
        await committed.withLock { $0 }?()
    }

    func update(_ message: QueuedMessage, telling records: [[UInt8]]) { settle(message.id, message, records) }
    func remove(_ id: QueueID, telling records: [[UInt8]]) { settle(id, nil, records) }

    private func settle(_ id: QueueID, _ outcome: QueuedMessage?, _ records: [[UInt8]]) {
        contents.withLock { contents in
            let earlier = contents.waiting[id]
            let isRemoved = earlier != nil && earlier?.message == nil
            contents.waiting[id] = (isRemoved ? nil : outcome, (earlier?.telling ?? []) + records)
            write(&contents)
        }
    }

    private func write(_ contents: inout Contents) {
        guard contents.isWritable else { return }
        messages.withLock { all in
            for (id, outcome) in contents.waiting {
                outbox.enter(outcome.telling)
                guard let row = all[id] else { continue }
                all[id] = outcome.message
                // That belongs to the sysadmin.
                all[id]?.isHeld = row.isHeld
                if outcome.message == nil { contents.bytes[id] = nil }
            }
        }
        contents.waiting = [:]
    }

    func tell(_ listener: @escaping QueueListener) async throws { outbox.begin(listener) }
    func tellTheRest() { outbox.round() }
    func told(upTo number: Int64) { outbox.forget(upTo: number) }

    func content(of id: QueueID) async throws -> [UInt8] {
        try contents.withLock { contents in
            guard let bytes = contents.bytes[id] else { throw QueueError.unreadable(id, "it is gone") }
            guard !contents.spoiled.contains(id) else { throw QueueError.damaged(id) }
            return bytes
        }
    }

    func due(
        _ upstream: String, before now: Int64, beyond horizon: Int64, limit: Int
    ) async throws -> [QueuedMessage] {
        asked.withLock { $0 += 1 }
        let unwritten = contents.withLock { Set($0.waiting.keys) }
        let due = messages.withLock { all in
            let ready = all.values.filter { message in
                message.upstream == upstream && !message.isHeld && !message.isDamaged && !message.isFailed
                    && !unwritten.contains(message.id)
            }.sorted { ($0.nextAttempt, $0.id) < ($1.nextAttempt, $1.id) }
            return Array(
                (ready.filter { $0.nextAttempt <= now } + ready.filter { $0.nextAttempt > horizon }).prefix(limit))
        }
        await found.withLock { $0 }?(upstream)
        return due
    }

    func nextDue(_ upstreams: [String], after now: Int64) async throws -> Int64? {
        await written.withLock { $0 }?()
        return messages.withLock { all in
            all.values.filter { message in
                upstreams.contains(message.upstream) && !message.isFailed && !message.isHeld && !message.isDamaged
            }.map(\.nextAttempt).filter { $0 > now }.min()
        }
    }

    func reassign(unless known: [String], to fallback: String) async throws {
        messages.withLock { all in
            for (id, message) in all where !known.contains(message.upstream) { all[id]?.upstream = fallback }
        }
    }

    func wasChangedByOthers() async throws -> Bool {
        changes.withLock { count in
            defer { count = 0 }
            return count > 0
        }
    }

    func makeSpill() throws -> any QueueSpill { MemorySpill(self) }
    var unwritten: Int { contents.withLock { $0.waiting.count } }
    var owed: Int { debts.withLock { $0 } + unwritten }
    func close() async { contents.withLock { $0.isClosed = true } }

    // MARK: What the world does to it

    func setWritable(_ isWritable: Bool) {
        contents.withLock { contents in
            contents.isWritable = isWritable
            write(&contents)
        }
    }

    func setTaking(_ isTaking: Bool) { contents.withLock { $0.isTaking = isTaking } }

    var spoiled: Set<QueueID> { contents.withLock { $0.spoiled } }

    func spoil(_ id: QueueID) { _ = contents.withLock { $0.spoiled.insert(id) } }

    /// What another process does.
    func change(_ body: (inout [QueueID: QueuedMessage]) -> Void) {
        messages.withLock { body(&$0) }
        changes.withLock { $0 += 1 }
    }
}
