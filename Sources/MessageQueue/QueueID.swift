/// Names a queued message: 42 bits of milliseconds since 1970, then 21 that make it unique; older ones are smaller.
public struct QueueID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// At least 0.
    public let rawValue: Int64

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// Takes the store's number.
    public init(rawValue: Int64) { self.rawValue = rawValue & Int64.max }

    /// A fresh id that is larger than `previous`.
    /// - Parameter now: milliseconds since 1970.
    init(now: Int64, after previous: QueueID?, using generator: inout some RandomNumberGenerator) {
        let fresh = (now & 0x3FF_FFFF_FFFF) << 21 | Int64.random(in: 0..<1 << 21, using: &generator)
        rawValue = max(fresh, (previous?.rawValue ?? -1) + 1)
    }

    /// Reads what ``description`` wrote, in either case.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 13 else { return nil }
        var value: UInt64 = 0
        for byte in text.uppercased().utf8 {
            guard let digit = Self.alphabet.firstIndex(of: byte) else { return nil }
            value = value << 5 | UInt64(digit)
        }
        guard value <= UInt64(Int64.max) else { return nil }
        rawValue = Int64(value)
    }

    /// Thirteen characters of Crockford's base32.
    public var description: String {
        let digits = stride(from: 60, through: 0, by: -5).map { Self.alphabet[Int(rawValue >> $0) & 31] }
        return String(decoding: digits, as: UTF8.self)
    }

    /// By age.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
