import FakeUpstream
import Foundation
import SMTPTransport
import Synchronization
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

extension EndToEnd {
    /// SIGKILL at random points under load, many rounds: what was acknowledged arrives, whole.
    @Test func nothingAcknowledgedIsLostBySIGKILL() async throws {
        let lab = try await Lab()
        let tally = Tally()
        for round in 0..<6 {
            try await lab.start()
            let client = lab.client(connections: 8)
            let before = tally.acknowledged.count
            // The random delay counts from the round's third acknowledgement: a busy machine may take long to start.
            let killer = Task {
                let end = ContinuousClock.now + .seconds(20)
                while tally.acknowledged.count < before + 3, ContinuousClock.now < end {
                    try? await Task.sleep(for: .milliseconds(5))
                }
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0..<400)))
                lab.killHard()
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
            await killer.value
            await client.close()
            #expect(tally.acknowledged.count >= before + 3, "round \(round) took nothing")
        }
        try await lab.start()
        let wanted = tally.acknowledged
        let end = ContinuousClock.now + .seconds(30)
        var arrived = numbers(lab)
        while !wanted.isSubset(of: arrived) {
            if ContinuousClock.now > end {
                let queue = try await lab.run("queue", "list", "--config", lab.folder + "/relay.conf")
                try #require(
                    Bool(false),
                    "lost: \(wanted.subtracting(arrived).sorted().prefix(10)) of \(wanted.count)\n\(queue.output)\(lab.log)"
                )
            }
            try await Task.sleep(for: .milliseconds(50))
            arrived = numbers(lab)
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
