import Foundation
import GRDB
import Synchronization
public import Tracking
public import TrackingEvents

/// Reads `events.sqlite`, also while the service writes it; opens it anew when the file is another one.
public final class EventReader: EventSource {
    private struct Opened {
        let pool: DatabasePool
        let identity: [UInt64]
    }

    private let path: String
    private let opened = Mutex<Opened?>(nil)

    private let makesMissing: Bool

    /// A reader of a data directory's events, which need not be there yet.
    /// - Parameter makesMissing: whether a store that is not there is an empty one.
    public init(directory: String, makesMissing: Bool = false) {
        path = directory + "/events.sqlite"
        self.makesMissing = makesMissing
    }

    /// Whether there are events to read.
    public var isThere: Bool { (try? pool()) != nil }

    private func pool() throws -> DatabasePool {
        if !makesMissing, identity() == nil { throw EventStoreError("there are no events at \(path) yet") }
        let identity = identity()
        return try opened.withLock { opened in
            if let opened, opened.identity == identity { return opened.pool }
            opened = nil
            let pool = try SQLiteFile.openPool(path)
            try pool.write { try EventSchema.prepare($0) }
            opened = Opened(pool: pool, identity: self.identity() ?? [])
            return pool
        }
    }

    private func identity() -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }

    private func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await pool().read(body)
        } catch let error as EventStoreError {
            throw error
        } catch {
            throw EventStoreError("events in \(path): \(error)")
        }
    }

    /// See ``EventSource``.
    public func daily(from: Int64, to: Int64) async throws -> [String: Figures] {
        try await read { try EventQueries.byTag($0, "day", from: from, to: to) }
    }

    /// See ``EventSource``.
    public func figures(from: Int64, to: Int64) async throws -> [String: Figures] {
        try await read { try EventQueries.byTag($0, "minute", from: from / 60_000, to: (to - 1) / 60_000) }
    }

    /// See ``EventSource``.
    public func series(tag: String?, from: Int64, to: Int64, _ granularity: Granularity) async throws -> [FigureStep] {
        try await read { try EventQueries.series($0, tag: tag, from: from, to: to, granularity) }
    }

    /// See ``EventSource``.
    public func pages(tag: String, from: Int64, to: Int64, limit: Int) async throws -> [PageFigures] {
        try await read { try EventQueries.pages($0, tag: tag, from: from, to: to, limit: limit) }
    }

    /// See ``EventSource``.
    public func reasons(tag: String?, from: Int64, to: Int64) async throws -> [ReasonCount] {
        try await read { try EventQueries.reasons($0, tag: tag, from: from, to: to) }
    }

    /// See ``EventSource``.
    public func tags() async throws -> [String] { try await read { try EventQueries.tags($0) } }

    /// See ``EventSource``.
    public func mails(_ filter: MailFilter) async throws -> [StoredMail] {
        try await read { try EventQueries.mails($0, filter) }
    }

    /// See ``EventSource``.
    public func mail(_ id: String) async throws -> StoredMailDetail? {
        try await read { try EventQueries.detail($0, id) }
    }

    /// The tag of a mail that is known here.
    public func tag(of message: TrackingMessageID) async throws -> String? {
        try await read {
            try String.fetchOne($0, sql: "SELECT tag FROM message WHERE id = ?", arguments: [Data(message.bytes)])
        }
    }

    /// See ``EventSource``.
    public func events(_ filter: EventFilter) async throws -> [StoredEvent] {
        try await read { try EventQueries.events($0, filter) }
    }

    /// See ``EventSource``.
    public func lastSequence() async throws -> Int64 {
        try await read { try Int64.fetchOne($0, sql: "SELECT MAX(sequence) FROM event") ?? 0 }
    }
}
