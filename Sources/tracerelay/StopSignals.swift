import Dispatch
import Glibc
import Logging
import Relay
import ServiceLifecycle
import UnixSignals

/// What signals do besides the graceful stop at the first SIGTERM or SIGINT: a second one ends the process at once, the
/// stop has a time limit, SIGHUP does nothing.
///
/// An end without further ado is safe at any time: what was acknowledged is on disk.
struct StopSignals: Service {
    let logger: Logger
    let sink: LogSink
    /// From the first signal to the end of the process.
    let limit: Duration

    func run() async throws {
        var isStopping = false
        for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup).cancelOnGracefulShutdown() {
            if signal == .sighup {
                logger.info("SIGHUP does nothing: lists are read anew by themselves, relay.conf at the next start")
            } else if isStopping {
                logger.error("second signal: stopping at once; what is not through stays queued")
                end(signal)
            } else {
                isStopping = true
                let time = DispatchTimeInterval.milliseconds(Int(limit / .milliseconds(1)))
                // Not on the cooperative pool, which may be what is stuck.
                DispatchQueue(label: "tracerelay.stop").asyncAfter(deadline: .now() + time) {
                    logger.error("the stop takes too long: ending; what is not through stays queued")
                    end(signal)
                }
            }
        }
    }

    private func end(_ signal: UnixSignal) {
        sink.flush(within: .milliseconds(500))
        // As shells and systemd know it.
        _exit(128 + (signal == .sigint ? SIGINT : SIGTERM))
    }
}
