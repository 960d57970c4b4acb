import FakeUpstream
import Foundation
import SMTPTransport
import Synchronization
import TestSupport
import Testing

/// The mails sent and those answered 250.
private final class Tally: Sendable {
    private let state = Mutex((last: 0, acknowledged: Set<Int>()))

    var acknowledged: Set<Int> { state.withLock { $0.acknowledged } }

    func next() -> Int {
        state.withLock { state in
            state.last += 1
            return state.last
        }
    }

    func acknowledge(_ number: Int) { _ = state.withLock { $0.acknowledged.insert(number) } }
}

/// SplitMix64.
private struct KillDelays {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension EndToEnd {
    /// SIGKILL at random points under load, many rounds: what was acknowledged arrives, whole.
    @Test func nothingAcknowledgedIsLostBySIGKILL() async throws {
        let lab = try await Lab()
        let tally = Tally()
        // Said where it fails, and taken from there to see it again.
        let seed =
            ProcessInfo.processInfo.environment["KILL_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...UInt64.max)
        var delays = KillDelays(state: seed)
        for round in 0..<6 {
            try await lab.start()
            let client = lab.client(connections: 8)
            let before = tally.acknowledged.count
            let delay = delays.next() % 400
            // The random delay counts from the round's third acknowledgement: a busy machine may take long to start.
            let killer = Task {
                _ = try await eventually { tally.acknowledged.count >= before + 3 }
                try await Task.sleep(for: .milliseconds(Int(delay)))
                try await lab.killHard()
            }
            await withDiscardingTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        while true {
                            let number = tally.next()
                            // Every tenth is large enough for a file of its own.
                            let filler = String(
                                repeating: "0123456789012345678901234567890123456789\n",
                                count: number % 10 == 0 ? 8_000 : 20)
                            let codes = await client.send("Subject: number \(number)\n\n\(filler)end \(number)\n")
                            guard codes == [250] else { return }
                            tally.acknowledge(number)
                        }
                    }
                }
            }
            try await killer.value
            await client.close()
            #expect(tally.acknowledged.count >= before + 3, "round \(round) took nothing, seed \(seed)")
        }
        try await lab.start()
        let wanted = tally.acknowledged
        guard try await eventually({ wanted.isSubset(of: numbers(lab)) }) else {
            let queue = try await lab.run("queue", "list", "--config", lab.folder + "/relay.conf")
            let lost = wanted.subtracting(numbers(lab)).sorted().prefix(10)
            Issue.record("lost: \(lost) of \(wanted.count), seed \(seed)\n\(queue.output)\(lab.log)")
            return
        }
        #expect(try await lab.stop() == 0)
    }

    /// The numbers of the mails that arrived whole; a torn one is a failure.
    private func numbers(_ lab: Lab) -> Set<Int> {
        var found: Set<Int> = []
        for message in lab.upstream.messages {
            let text = String(decoding: message.content, as: UTF8.self)
            guard let number = text.firstMatch(of: /Subject: number (\d+)\r\n/).flatMap({ Int($0.1) }) else {
                Issue.record("a mail without its subject")
                continue
            }
            #expect(text.hasSuffix("end \(number)\r\n"))
            found.insert(number)
        }
        return found
    }
}
