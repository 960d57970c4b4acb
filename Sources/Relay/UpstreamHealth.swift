import SMTPTransport

/// How long to leave a failing upstream alone, measured by the monotonic clock: setting the time of day changes no wait.
actor UpstreamHealth {
    /// What is known of an upstream.
    struct State: Sendable {
        /// The latest mail that was answered, milliseconds since 1970.
        var success: Int64?
        /// TLS of it.
        var tls: String?
        /// Days until its certificate ends.
        var certificateDaysLeft: Int?
        /// The latest failure of a connection.
        var failure: (time: Int64, sentence: String)?
        /// By the time of day as it is now; 0 where it is not paused.
        var pausedUntil: Int64 = 0
    }

    private let uptime: @Sendable () -> ContinuousClock.Instant
    private var failures = 0
    private var known = State()
    private var resumes: ContinuousClock.Instant?

    /// An upstream of which nothing is known.
    init(uptime: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }) { self.uptime = uptime }

    /// What is known now.
    var state: State {
        var state = known
        if let rest { state.pausedUntil = SystemClock.now() + Int64(rest / .milliseconds(1)) }
        return state
    }

    private var rest: Duration? {
        guard let resumes else { return nil }
        let rest = resumes - uptime()
        return rest > .zero ? rest : nil
    }

    /// A mail was answered.
    func succeeded(_ report: DeliveryReport, now: Int64) {
        failures = 0
        known.success = now
        known.tls = report.tls
        known.certificateDaysLeft = report.certificateDaysLeft
    }

    /// A mail could not be brought.
    /// - Returns: how long to wait; `nil` where it is paused already or a single lost connection says nothing yet.
    func failed(_ failure: UpstreamFailure, now: Int64) -> Duration? {
        known.failure = (now, failure.sentence)
        guard rest == nil else { return nil }
        failures += 1
        if case .lost = failure, failures < 3 { return nil }
        let wait: Duration = failure.needsOperator ? .seconds(60) : .seconds(min(60, 5 << min(failures - 1, 4)))
        resumes = uptime() + wait
        return wait
    }
}
