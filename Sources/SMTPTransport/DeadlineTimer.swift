import NIOCore

/// The one deadline of a connection: each state sets its own, earlier or later than the one before.
///
/// Bound to one event loop; not thread-safe.
final class DeadlineTimer {
    private var due: NIODeadline?
    private var timer: (fires: NIODeadline, scheduled: Scheduled<Void>)?
    private var expire: () -> Void = {}

    /// Sets the deadline.
    /// - Parameter expire: called once, unless another deadline is set or this one is cleared before.
    func set(_ amount: TimeAmount, on loop: any EventLoop, _ expire: @escaping () -> Void) {
        let due = NIODeadline.now() + amount
        self.due = due
        self.expire = expire
        // Most states end long before their deadline: a timer that fires too early and is set again costs less than one
        // for each state. One that would fire too late is of no use.
        if let timer, timer.fires <= due { return }
        schedule(due, loop)
    }

    /// Waits for nothing; for a state without a deadline.
    func clear() {
        due = nil
        expire = {}
    }

    /// Lets go of the timer; for the end of the connection.
    func cancel() {
        clear()
        timer?.scheduled.cancel()
        timer = nil
    }

    private func schedule(_ due: NIODeadline, _ loop: any EventLoop) {
        timer?.scheduled.cancel()
        timer = (due, loop.assumeIsolated().scheduleTask(deadline: due) { self.fire(on: loop) })
    }

    private func fire(on loop: any EventLoop) {
        timer = nil
        guard let due else { return }
        guard NIODeadline.now() >= due else { return schedule(due, loop) }
        let expire = expire
        clear()
        expire()
    }
}
