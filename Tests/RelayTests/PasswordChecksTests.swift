import Dispatch
import Synchronization
import Testing

@testable import Relay

/// A clock that is set by hand, and comparisons that are counted.
private final class Bench: Sendable {
    let elapsed = Mutex(Duration.zero)
    let compared = Mutex(0)
    let start = ContinuousClock.now

    func checks() -> PasswordChecks {
        PasswordChecks(
            now: { [self] in start + elapsed.withLock { $0 } },
            compare: { [self] password, hash in
                compared.withLock { $0 += 1 }
                return password == Array(hash.utf8)
            })
    }

    func pass(_ duration: Duration) { elapsed.withLock { $0 += duration } }
    var count: Int { compared.withLock { $0 } }
}

extension PasswordChecks {
    fileprivate func answer(_ password: String, _ hash: String?, from client: String) async -> Answer {
        await check(Array(password.utf8), of: Array("name".utf8), against: hash, from: client)
    }
}

@Test func aWrongPasswordBarsItsAddressLongerEachTime() async {
    let bench = Bench()
    let checks = bench.checks()
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        #expect(await checks.answer("guess", "right", from: "192.0.2.1") == .wrong)
        bench.pass(.seconds(seconds) - .milliseconds(1))
        let before = bench.count
        #expect(await checks.answer("guess", "right", from: "192.0.2.1") == .later)
        #expect(await checks.answer("right", "right", from: "192.0.2.1") == .later)
        #expect(bench.count == before)
        bench.pass(.milliseconds(1))
    }
    #expect(await checks.answer("right", "right", from: "192.0.2.1") == .right)
}

@Test func addressesDoNotPayForEachOther() async {
    let checks = Bench().checks()
    #expect(await checks.answer("guess", "right", from: "192.0.2.1") == .wrong)
    #expect(await checks.answer("right", "right", from: "192.0.2.2") == .right)
    #expect(await checks.answer("guess", "right", from: "2001:db8::1") == .wrong)
    // One customer of a provider has a /64.
    #expect(await checks.answer("guess", "right", from: "2001:db8::2") == .later)
    #expect(await checks.answer("guess", "right", from: "2001:db8:0:1::2") == .wrong)
}

@Test func whatWasRightIsKnownForAWhile() async {
    let bench = Bench()
    let checks = bench.checks()
    for _ in 0..<50 { #expect(await checks.answer("right", "right", from: "192.0.2.1") == .right) }
    #expect(bench.count == 1)
    // Somebody at the same address guesses: who is known is not barred.
    #expect(await checks.answer("guess", "right", from: "192.0.2.1") == .wrong)
    #expect(await checks.answer("right", "right", from: "192.0.2.1") == .right)
    #expect(bench.count == 2)
    // A changed password is not the known one.
    bench.pass(.seconds(2))
    #expect(await checks.answer("right", "other", from: "192.0.2.1") == .wrong)
    bench.pass(.seconds(300))
    #expect(await checks.answer("right", "right", from: "192.0.2.1") == .right)
    #expect(bench.count == 4)
}

@Test func anUnknownNameCostsAComparison() async {
    let bench = Bench()
    #expect(await bench.checks().answer("guess", nil, from: "192.0.2.1") == .wrong)
    #expect(bench.count == 1)
}

@Test func fewStandInLine() async {
    let gate = DispatchSemaphore(value: 0)
    let running = Mutex((now: 0, most: 0, total: 0))
    let checks = PasswordChecks(compare: { _, _ in
        running.withLock {
            $0.now += 1
            $0.total += 1
            $0.most = max($0.most, $0.now)
        }
        // One after the other: each lets the next go.
        gate.wait()
        gate.signal()
        running.withLock { $0.now -= 1 }
        return false
    })
    let answers = await withTaskGroup(of: PasswordChecks.Answer.self) { group in
        for number in 0..<200 { group.addTask { await checks.answer("x", "y", from: "192.0.2.\(number % 100)") } }
        var answers: [PasswordChecks.Answer] = []
        while let answer = await group.next() {
            answers.append(answer)
            // All but those in line were answered at once.
            if answers.count == 184 { gate.signal() }
        }
        return answers
    }
    #expect(answers.filter { $0 == .wrong }.count == 16)
    #expect(running.withLock { $0.most } == 1 && running.withLock { $0.total } == 16)
}
