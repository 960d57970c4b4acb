/// The time by which the queue schedules: the wall clock's at start, carried on by a clock that nobody sets. Whoever
/// moves the wall clock while the queue runs moves nothing here; after a restart, `RetrySchedule.longestWait` bounds it.
struct QueueClock: Sendable {
    private static let origin = ContinuousClock.now
    private let base: Int64
    /// Milliseconds of a clock that only goes forward.
    let uptime: @Sendable () -> Int64

    /// - Parameter wall: milliseconds since 1970.
    init(wall: Int64, uptime: @escaping @Sendable () -> Int64) {
        base = wall - uptime()
        self.uptime = uptime
    }

    /// Milliseconds since 1970.
    var now: Int64 { base + uptime() }

    /// Milliseconds since the first use, sleep of the machine included.
    static let system: @Sendable () -> Int64 = { Int64((ContinuousClock.now - origin) / .milliseconds(1)) }
}
