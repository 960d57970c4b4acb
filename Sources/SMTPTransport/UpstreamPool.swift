import DequeModule
public import NIOCore
public import SMTPProtocol

/// The connections to one upstream: grown from one by success, shrunk by failure, reused, renewed.
///
/// Whoever waits for a connection is served in the order of coming. Each socket counts until it is closed.
public actor UpstreamPool {
    private struct Lease {
        let connection: UpstreamConnection
        let messages: Int
        let since = NIODeadline.now()

        var id: ObjectIdentifier { ObjectIdentifier(connection) }
    }

    private struct Waiter {
        /// Whether only a connection will do that has carried no mail yet.
        let needsFresh: Bool
        let continuation: CheckedContinuation<Result<Lease, UpstreamFailure>, Never>
    }

    private enum Phase { case open, closing, cutOff }

    /// How long the number of connections does not grow after the upstream refused one more.
    private static let growthPause = TimeAmount.seconds(30)

    /// Where it leads.
    public nonisolated let route: UpstreamRoute
    private let group: any EventLoopGroup
    private var phase = Phase.open
    /// Connections whose sockets are not closed yet, those that say goodbye included.
    private var standing: [ObjectIdentifier: UpstreamConnection] = [:]
    private var idle: [Lease] = []
    private var busy: Set<ObjectIdentifier> = []
    private var opening = 0
    private var limit = 1
    private var growsAfter = NIODeadline.now()
    private var waiters: Deque<Waiter> = []
    private var sweeper: Task<Void, Never>?

    /// A pool without connections.
    public init(route: UpstreamRoute, group: any EventLoopGroup) {
        self.route = route
        self.group = group
    }

    /// Connections that stand now, and how many may.
    public var state: (open: Int, limit: Int) { (standing.count + opening, limit) }

    // MARK: Mail

    /// Sends one mail on a free connection, or on a new one.
    ///
    /// A connection that has carried mail may have been closed by the upstream in the meantime: what fails there before
    /// the upstream has said a word on it is sent at once on a new connection.
    public func deliver(_ transaction: Transaction, _ content: OutgoingContent) async -> DeliveryReport {
        var report = DeliveryReport(outcome: .failed(.lost(.connect)))
        let clock = ContinuousClock()
        for needsFresh in [false, true] {
            let start = clock.now
            let lease: Lease
            switch await acquire(needsFresh: needsFresh) {
            case .success(let given): lease = given
            case .failure(let failure):
                report.outcome = .failed(failure)
                return report
            }
            let begun = clock.now
            report.setup = lease.messages == 0 ? begun - start : .zero
            let result = await lease.connection.send(transaction, content)
            report.tls = lease.connection.readiness.tls
            report.certificateDaysLeft = lease.connection.readiness.certificateDaysLeft
            report.transmission = clock.now - begun
            release(lease, result)
            switch result.ending {
            case .known(let outcome):
                report.outcome = outcome
                return report
            case .unanswered(let failure):
                report.outcome = .failed(failure)
                if lease.messages == 0 { return report }
            }
        }
        return report
    }

    private func acquire(needsFresh: Bool) async -> Result<Lease, UpstreamFailure> {
        guard phase != .cutOff else { return .failure(.stopping) }
        return await withCheckedContinuation { continuation in
            waiters.append(Waiter(needsFresh: needsFresh, continuation: continuation))
            serve()
        }
    }

    /// Gives out idle connections and opens new ones, as long as somebody waits and the limits allow it.
    private func serve() {
        while let waiter = waiters.first {
            if !waiter.needsFresh, let lease = idle.popLast() {
                waiters.removeFirst()
                give(lease, to: waiter)
                continue
            }
            guard opening < waiters.count else { return }
            let mayOpen = busy.count + idle.count + opening < max(1, limit)
            if mayOpen, standing.count + opening < route.limits.connections {
                opening += 1
                Task { await self.open() }
            } else if waiter.needsFresh, opening == 0, let old = idle.popLast() {
                old.connection.quit()
            } else {
                return
            }
        }
    }

    private func give(_ lease: Lease, to waiter: Waiter) {
        busy.insert(lease.id)
        waiter.continuation.resume(returning: .success(lease))
    }

    private func release(_ lease: Lease, _ result: SendResult) {
        busy.remove(lease.id)
        adapt(lease, result.ending)
        let messages = lease.messages + 1
        let mayStay =
            result.isUsable && phase == .open && standing[lease.id] != nil
            && messages < route.limits.messagesPerConnection
            && .now() - lease.connection.born < TimeAmount(route.limits.connectionAge)
        if mayStay {
            idle.append(Lease(connection: lease.connection, messages: messages))
            startSweeper()
        } else {
            lease.connection.quit()
        }
        serve()
    }

    private func adapt(_ lease: Lease, _ ending: SendResult.Ending) {
        switch ending {
        case .known(.answered(let replies)):
            // 4xx to everybody is the upstream's way of saying "slower".
            if replies.allSatisfy({ $0.reply.severity == .transient }) {
                limit = max(1, limit - 1)
            } else if NIODeadline.now() >= growsAfter {
                limit = min(route.limits.connections, limit + 1)
            }
        case .known(.needsSevenBit), .known(.failed(.stopping)): break
        // The upstream renews its connections as it likes.
        case .unanswered where lease.messages > 0: break
        case .known(.failed), .known(.uncertain), .unanswered: limit = max(1, limit / 2)
        }
    }

    // MARK: Connections

    private func open() async {
        let result: Result<UpstreamConnection, UpstreamFailure>
        do {
            result = .success(try await UpstreamConnection.open(route, on: group))
        } catch {
            result = .failure(error)
        }
        opening -= 1
        switch result {
        case .success(let connection): opened(connection)
        case .failure(let failure): refused(failure)
        }
        serve()
    }

    private func opened(_ connection: UpstreamConnection) {
        let lease = Lease(connection: connection, messages: 0)
        standing[lease.id] = connection
        connection.whenClosed { [weak self, id = lease.id] in Task { await self?.closed(id) } }
        if let waiter = waiters.popFirst() {
            give(lease, to: waiter)
        } else if phase == .open {
            idle.append(lease)
            startSweeper()
        } else {
            connection.quit()
        }
    }

    private func refused(_ failure: UpstreamFailure) {
        if failure.isRefusedConnection, !(busy.isEmpty && idle.isEmpty) {
            // It serves the others: whoever waits gets one of those.
            limit = max(1, busy.count + idle.count + opening)
            growsAfter = .now() + Self.growthPause
            return
        }
        limit = 1
        // Whoever waits shares the result: a dead upstream is probed once, not once per mail.
        failWaiters(failure)
    }

    /// A socket is closed, by whomever.
    private func closed(_ id: ObjectIdentifier) {
        standing[id] = nil
        idle.removeAll { $0.id == id }
        serve()
    }

    private func failWaiters(_ failure: UpstreamFailure) {
        while let waiter = waiters.popFirst() { waiter.continuation.resume(returning: .failure(failure)) }
    }

    /// Closes what has been idle too long; runs only while something is idle.
    private func startSweeper() {
        guard sweeper == nil else { return }
        sweeper = Task { [weak self, route] in
            let pause = max(50, TimeAmount(route.limits.connectionIdle).nanoseconds / 2_000_000)
            while !Task.isCancelled {
                try? await Task.sleep(for: .milliseconds(pause))
                guard let self, await self.sweep() else { return }
            }
        }
    }

    private func sweep() -> Bool {
        let limit = NIODeadline.now() - TimeAmount(route.limits.connectionIdle)
        for lease in idle where lease.since < limit { lease.connection.quit() }
        idle.removeAll { $0.since < limit }
        if idle.isEmpty { sweeper = nil }
        return !idle.isEmpty
    }

    // MARK: Ends

    /// Says goodbye to the upstream on every idle connection; those in use end after their mail.
    public func close() {
        if phase == .open { phase = .closing }
        sweeper?.cancel()
        for lease in idle { lease.connection.quit() }
        idle = []
    }

    /// Ends every mail on its way with what is known of it: one whose content is out whole is uncertain, any other has not
    /// been taken.
    public func cutOff() {
        phase = .cutOff
        failWaiters(.stopping)
        close()
        for id in busy { standing[id]?.cutOff() }
    }
}

extension UpstreamFailure {
    /// Whether the upstream is well and wants no more connections for now (RFC 5321 §3.1, §4.2.1).
    fileprivate var isRefusedConnection: Bool {
        switch self {
        case .session(.closing), .session(.greeting): true
        default: false
        }
    }
}
