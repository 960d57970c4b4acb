/// XXH64 (the xxHash specification, seed 0): tells a damaged content from a whole one at memory speed. Not for secrets.
struct XXH64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private var lane1 = Self.prime1 &+ Self.prime2
    private var lane2 = Self.prime2
    private var lane3: UInt64 = 0
    private var lane4 = 0 &- Self.prime1
    private var partial: [UInt8] = []
    private var count: UInt64 = 0

    static func checksum(_ bytes: [UInt8]) -> UInt64 {
        var hash = XXH64()
        hash.update(bytes)
        return hash.finish()
    }

    mutating func update(_ bytes: [UInt8]) {
        count &+= UInt64(bytes.count)
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            if !partial.isEmpty {
                let missing = rest.prefix(32 - partial.count)
                partial.append(contentsOf: missing)
                rest = rest.dropFirst(missing.count)
                guard partial.count == 32 else { return }
                let block = partial
                block.withUnsafeBytes { stripes($0) }
                partial.removeAll(keepingCapacity: true)
            }
            let whole = rest.count & ~31
            stripes(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
            partial.append(contentsOf: rest.dropFirst(whole))
        }
    }

    private mutating func stripes(_ buffer: UnsafeRawBufferPointer) {
        var offset = 0
        var (one, two, three, four) = (lane1, lane2, lane3, lane4)
        while offset + 32 <= buffer.count {
            one = Self.round(one, buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian)
            two = Self.round(two, buffer.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self).littleEndian)
            three = Self.round(three, buffer.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self).littleEndian)
            four = Self.round(four, buffer.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self).littleEndian)
            offset += 32
        }
        (lane1, lane2, lane3, lane4) = (one, two, three, four)
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }

    @inline(__always)
    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        rotate(lane &+ input &* prime2, 31) &* prime1
    }

    func finish() -> UInt64 {
        var hash: UInt64
        if count >= 32 {
            hash = Self.rotate(lane1, 1) &+ Self.rotate(lane2, 7) &+ Self.rotate(lane3, 12) &+ Self.rotate(lane4, 18)
            for lane in [lane1, lane2, lane3, lane4] {
                hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
            }
        } else {
            hash = Self.prime5
        }
        hash &+= count
        var index = 0
        while index + 8 <= partial.count {
            hash = Self.rotate(hash ^ Self.round(0, little(index, 8)), 27) &* Self.prime1 &+ Self.prime4
            index += 8
        }
        if index + 4 <= partial.count {
            hash = Self.rotate(hash ^ (little(index, 4) &* Self.prime1), 23) &* Self.prime2 &+ Self.prime3
            index += 4
        }
        while index < partial.count {
            hash = Self.rotate(hash ^ (UInt64(partial[index]) &* Self.prime5), 11) &* Self.prime1
            index += 1
        }
        hash = (hash ^ (hash >> 33)) &* Self.prime2
        hash = (hash ^ (hash >> 29)) &* Self.prime3
        return hash ^ (hash >> 32)
    }

    private func little(_ index: Int, _ octets: Int) -> UInt64 {
        (0..<octets).reduce(0) { $0 | UInt64(partial[index + $1]) << UInt64($1 * 8) }
    }
}
