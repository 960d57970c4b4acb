import TrackingEvents

/// Hands new events to everybody who watches; the store is asked only while somebody does, and once for all.
actor EventFeed {
    /// How long an event may go unnoticed.
    private static let pause = Duration.milliseconds(200)
    /// Watchers at a time; each holds a connection.
    static let maximumWatchers = 200
    /// Events a slow watcher may be behind; then it is sent away and comes again with its last number.
    private static let maximumBehind = 5_000

    private let source: any EventSource
    private var watchers: [Int: AsyncStream<StoredEvent>.Continuation] = [:]
    private var lastWatcher = 0
    private var cursor: Int64 = 0
    private var task: Task<Void, Never>?

    init(source: any EventSource) { self.source = source }

    /// What is stored from now on; `nil` where too many watch.
    func watch() async -> AsyncStream<StoredEvent>? {
        guard watchers.count < Self.maximumWatchers else { return nil }
        // Where "now" is must be known before whoever watches looks for what came before it.
        if task == nil { cursor = (try? await source.lastSequence()) ?? -1 }
        lastWatcher += 1
        let number = lastWatcher
        let (stream, continuation) = AsyncStream.makeStream(
            of: StoredEvent.self, bufferingPolicy: .bufferingOldest(Self.maximumBehind))
        watchers[number] = continuation
        continuation.onTermination = { _ in Task { await self.leave(number) } }
        if task == nil { task = Task { await self.run() } }
        return stream
    }

    private func leave(_ number: Int) {
        watchers[number] = nil
        guard watchers.isEmpty else { return }
        task?.cancel()
        task = nil
    }

    private func run() async {
        var isBehind = false
        while !Task.isCancelled {
            if !isBehind { try? await Task.sleep(for: Self.pause) }
            isBehind = false
            // A store that cannot be read is asked again; the feed stays open.
            if cursor < 0 {
                cursor = (try? await source.lastSequence()) ?? -1
                continue
            }
            var filter = EventFilter()
            filter.after = cursor
            guard let found = try? await source.events(filter), let last = found.last else {
                // A store that was replaced counts anew.
                if let end = try? await source.lastSequence(), end < cursor { cursor = end }
                continue
            }
            cursor = last.sequence
            isBehind = found.count == filter.limit
            for event in found {
                for (number, watcher) in watchers {
                    if case .dropped = watcher.yield(event) {
                        watchers[number] = nil
                        watcher.finish()
                    }
                }
            }
        }
    }
}
