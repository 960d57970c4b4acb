/// What a token calls a message, unrelated to the Message-ID field and to the queue id: 10 bits of the day, by which a
/// store of many days finds it, and 70 random ones. Ids of before this layout are 80 random bits.
public struct TrackingMessageID: Sendable, Hashable, CustomStringConvertible {
    /// Octets in an id.
    public static let octetCount = 10

    /// The ten octets.
    public let bytes: [UInt8]

    /// Takes ten octets; `nil` for any other number of them.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.octetCount else { return nil }
        self.bytes = bytes
    }

    /// All zeros: where what was stored of a message cannot be read.
    public static let unknown = TrackingMessageID()

    private init() { bytes = [UInt8](repeating: 0, count: Self.octetCount) }

    /// Draws an id.
    /// - Parameter time: milliseconds since 1970; its day counts, modulo 1,024.
    public init(time: Int64, using generator: inout some RandomNumberGenerator) {
        let day = UInt16(truncatingIfNeeded: time / 86_400_000) & 1_023
        var bytes = (0..<Self.octetCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        bytes[0] = UInt8(day >> 2)
        bytes[1] = UInt8(day & 3) << 6 | bytes[1] & 63
        self.bytes = bytes
    }

    /// Reads twenty hexadecimal digits.
    public init?(hexadecimal: some StringProtocol) {
        let digits = hexadecimal.utf8.map { Self.digitValue($0) }
        guard digits.count == Self.octetCount * 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.octetCount)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        self.bytes = bytes
    }

    /// Twenty lower-case hexadecimal digits.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func digitValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
