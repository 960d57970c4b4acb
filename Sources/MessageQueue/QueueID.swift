/// Names a queued message: 42 bits of milliseconds since 1970, 10 of the node that took it, and 11 that count within the
/// millisecond; older ones are smaller. It stands in logs for ever, so that nodes that share an archive must not make one
/// twice; a single node is node 0. Ids of before this layout have 21 random bits behind the time.
public struct QueueID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// At least 0, but for a row that was damaged.
    public let rawValue: Int64

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Takes the store's number.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    private static let lastTime: Int64 = 1 << 42 - 1
    private static let lastCount: Int64 = 1 << 11 - 1

    private init(time: Int64, node: Int64, count: Int64) { rawValue = time << 21 | node << 11 | count }

    private var time: Int64 { rawValue >> 21 }
    private var node: Int64 { rawValue >> 11 & 1_023 }
    private var count: Int64 { rawValue & Self.lastCount }

    /// A fresh id, larger than `previous` even where the clock stands or was set back; more than fit into a millisecond
    /// go into the next.
    /// - Parameters:
    ///   - now: milliseconds since 1970.
    ///   - previous: the last id that was made or found.
    ///   - node: 0 to 1,023.
    init(
        now: Int64, after previous: QueueID?, node: UInt16 = 0, using generator: inout some RandomNumberGenerator
    ) {
        // A random start: whoever begins again with a clock that was set back hardly meets the ids of before.
        let count = Int64.random(in: 0...Self.lastCount / 2, using: &generator)
        let node = Int64(node & 1_023)
        let time = now & Self.lastTime
        guard let previous, previous.time >= time, previous.time < Self.lastTime else {
            self.init(time: time, node: node, count: count)
            return
        }
        if previous.node == node, previous.count < Self.lastCount {
            self.init(rawValue: previous.rawValue + 1)
        } else {
            self.init(time: previous.time + 1, node: node, count: count)
        }
    }

    /// Reads what ``description`` wrote, in either case.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 13 else { return nil }
        var value: UInt64 = 0
        for (place, byte) in text.uppercased().utf8.enumerated() {
            guard let digit = Self.alphabet.firstIndex(of: byte), place > 0 || digit < 16 else { return nil }
            value = value << 5 | UInt64(digit)
        }
        rawValue = Int64(bitPattern: value)
    }

    /// Thirteen characters of Crockford's base32.
    public var description: String {
        let bits = UInt64(bitPattern: rawValue)
        let digits = stride(from: 60, through: 0, by: -5).map { Self.alphabet[Int(bits >> UInt64($0) & 31)] }
        return String(decoding: digits, as: UTF8.self)
    }

    /// By age.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
