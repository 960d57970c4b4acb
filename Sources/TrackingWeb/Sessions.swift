import Synchronization

/// Who is logged in. A session ends when its time is over, when somebody logs out, and with the process.
final class Sessions: Sendable {
    /// A session ends after so many seconds.
    static let time: Int64 = 12 * 3_600
    /// Sessions at a time; the one that would end first makes room.
    static let maximum = 1_000

    /// Cookie value to end, in seconds since 1970.
    private let ends = Mutex<[String: Int64]>([:])
    /// Tickets that were used, with their ends.
    private let tickets = Mutex<[String: Int64]>([:])

    /// - Returns: the cookie's value.
    func begin(now: Int64) -> String {
        let end = now + Self.time
        let value = "\(end).\(Hexadecimal.random())"
        ends.withLock { ends in
            if ends.count >= Self.maximum { ends = ends.filter { $0.value > now } }
            if ends.count >= Self.maximum, let first = ends.min(by: { $0.value < $1.value }) { ends[first.key] = nil }
            ends[value] = end
        }
        return value
    }

    func isAlive(_ value: String, now: Int64) -> Bool { ends.withLock { $0[value].map { $0 > now } ?? false } }

    func end(_ value: String) { ends.withLock { _ = $0.removeValue(forKey: value) } }

    /// - Returns: whether it was not used before.
    func use(ticket: String, end: Int64, now: Int64) -> Bool {
        tickets.withLock { tickets in
            tickets = tickets.filter { $0.value > now }
            // Only who has the key makes tickets, so that their number is bounded by its owner's patience.
            guard tickets.count < Self.maximum, tickets[ticket] == nil else { return false }
            tickets[ticket] = end
            return true
        }
    }
}

enum Hexadecimal {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// 128 bits of the system's randomness.
    static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return text((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }
}
