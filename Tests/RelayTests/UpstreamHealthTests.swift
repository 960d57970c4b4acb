import SMTPProtocol
import SMTPTransport
import Synchronization
import Testing

@testable import Relay

/// An uptime that tests move.
private final class Uptime: Sendable {
    private let passed = Mutex(Duration.zero)
    private let start = ContinuousClock.now
    var now: ContinuousClock.Instant { start + passed.withLock { $0 } }
    func pass(_ time: Duration) { passed.withLock { $0 += time } }
}

@Test func aPauseLastsAsLongAsItLastsWhateverTheTimeOfDay() async {
    let uptime = Uptime()
    let health = UpstreamHealth { uptime.now }
    let failure = UpstreamFailure.connect("no")
    #expect(await health.failed(failure, now: 5_000_000) == .seconds(5))
    // The time of day goes back by a year, and forth by two: neither ends the pause nor makes it longer.
    #expect(await health.failed(failure, now: -31_000_000_000) == nil)
    #expect(await health.failed(failure, now: 31_000_000_000) == nil)
    #expect(await health.state.pausedUntil > 0)
    uptime.pass(.seconds(5))
    #expect(await health.state.pausedUntil == 0)
    #expect(await health.failed(failure, now: 0) == .seconds(10))
}

@Test func aWrongConfigurationPausesForLonger() async {
    let health = UpstreamHealth()
    let refusal = RecipientReply(reply: Reply(530, nil, "Authentication required"), phase: .mail)
    let failure = UpstreamFailure.misconfigured(refusal, advice: "check `username`")
    #expect(failure.needsOperator)
    #expect(await health.failed(failure, now: 0) == .seconds(60))
    #expect(await health.state.failure?.sentence == "530 Authentication required (MAIL: check `username`)")
}

@Test func lostConnectionsPauseOnlyInARow() async {
    let health = UpstreamHealth()
    #expect(await health.failed(.lost(.mail), now: 0) == nil)
    #expect(await health.failed(.lost(.mail), now: 0) == nil)
    #expect(await health.failed(.lost(.mail), now: 0) == .seconds(20))
}
