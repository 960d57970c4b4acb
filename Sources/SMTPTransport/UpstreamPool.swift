import DequeModule
public import NIOCore
public import SMTPProtocol

/// The connections to one upstream: grown from one by success, shrunk by failure, reused, renewed.
public actor UpstreamPool {
    private struct Idle {
        let connection: UpstreamConnection
        let messages: Int
        let since: NIODeadline
        let tls: String?
        let certificateDaysLeft: Int?
    }

    /// Where it leads.
    public nonisolated let route: UpstreamRoute
    private let group: any EventLoopGroup
    private var idle: [Idle] = []
    private var open = 0
    private var limit = 1
    private var waiters: Deque<CheckedContinuation<UpstreamFailure?, Never>> = []
    private var sweeper: Task<Void, Never>?
    private var isClosed = false

    /// A pool without connections.
    public init(route: UpstreamRoute, group: any EventLoopGroup) {
        self.route = route
        self.group = group
    }

    /// Connections that stand now, and how many may.
    public var state: (open: Int, limit: Int) { (open, limit) }

    /// Sends one mail on a free connection, or on a new one.
    public func deliver(_ transaction: Transaction, _ content: OutgoingContent) async -> DeliveryReport {
        var report = DeliveryReport(outcome: .failed(.lost(.connect)))
        let clock = ContinuousClock()
        // An idle connection may have been closed by the upstream in the meantime: then one fresh one is tried.
        for attempt in 0..<2 {
            let start = clock.now
            let lease: Idle
            do {
                lease = try await acquire(fresh: attempt > 0)
            } catch {
                report.outcome = .failed(error)
                return report
            }
            let begun = clock.now
            report.setup = lease.messages == 0 ? begun - start : .zero
            let (outcome, heard) = await lease.connection.send(transaction, content)
            report.outcome = outcome
            report.tls = lease.tls
            report.certificateDaysLeft = lease.certificateDaysLeft
            report.transmission = clock.now - begun
            await release(lease, outcome)
            if case .failed(.lost) = outcome, lease.messages > 0, !heard, attempt == 0 { continue }
            return report
        }
        return report
    }

    private func acquire(fresh: Bool) async throws(UpstreamFailure) -> Idle {
        while true {
            if !fresh, let lease = idle.popLast() { return lease }
            if open < max(1, limit) {
                open += 1
                do {
                    let connection = try await UpstreamConnection.open(route, on: group)
                    let state = await connection.state()
                    return Idle(
                        connection: connection, messages: 0, since: .now(), tls: state.tls,
                        certificateDaysLeft: state.certificateDaysLeft)
                } catch {
                    open -= 1
                    limit = 1
                    // Whoever waits shares the result: a dead upstream is probed once, not once per mail.
                    while let waiter = waiters.popFirst() { waiter.resume(returning: error) }
                    throw error
                }
            }
            if fresh, let old = idle.popLast() {
                old.connection.quit()
                open -= 1
                continue
            }
            if let failure = await withCheckedContinuation({ waiters.append($0) }) { throw failure }
        }
    }

    private func release(_ lease: Idle, _ outcome: DeliveryReport.Outcome) async {
        let messages = lease.messages + 1
        var mayStay =
            messages < route.messagesPerConnection && .now() - lease.connection.born < route.connectionAge && !isClosed
        switch outcome {
        case .answered(let replies):
            // 4xx to everybody is the upstream's way of saying "slower".
            let isBusy = replies.allSatisfy { $0.reply.severity == .transient }
            limit = isBusy ? max(1, limit - 1) : min(route.maximumConnections, limit + 1)
        case .needsSevenBit: break
        case .failed, .uncertain:
            mayStay = false
            limit = max(1, limit / 2)
        }
        if mayStay, await lease.connection.state().isUsable {
            idle.append(
                Idle(
                    connection: lease.connection, messages: messages, since: .now(), tls: lease.tls,
                    certificateDaysLeft: lease.certificateDaysLeft))
            startSweeper()
        } else {
            lease.connection.quit()
            open -= 1
        }
        wake()
    }

    private func wake() {
        for _ in 0..<(idle.count + max(0, limit - open)) { waiters.popFirst()?.resume(returning: nil) }
    }

    /// Closes what has been idle too long; runs only while something is idle.
    private func startSweeper() {
        guard sweeper == nil else { return }
        sweeper = Task { [weak self, route] in
            let pause = max(50, route.connectionIdle.nanoseconds / 2_000_000)
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(pause))
                guard let self, await self.sweep() else { return }
            }
        }
    }

    private func sweep() -> Bool {
        let limit = NIODeadline.now() - route.connectionIdle
        for lease in idle where lease.since < limit {
            lease.connection.quit()
            open -= 1
        }
        idle.removeAll { $0.since < limit }
        if idle.isEmpty { sweeper = nil }
        return !idle.isEmpty
    }

    /// Says goodbye to the upstream on every idle connection; those in use end after their mail.
    public func close() {
        isClosed = true
        sweeper?.cancel()
        for lease in idle {
            lease.connection.quit()
            open -= 1
        }
        idle = []
    }
}
