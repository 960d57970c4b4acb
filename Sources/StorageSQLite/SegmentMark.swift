import Glibc

/// How far the segments were in rows that are on disk, written beside them after each commit: a database that does not know
/// that much is older than they are, such as one that was put back from a backup.
///
/// Never synced: after a power cut it says less than is true, and never more.
struct SegmentMark: Equatable {
    private static let octets = 24

    /// The youngest segment that a row was written for.
    let segment: Int64
    /// Octets of it that were in rows.
    let end: Int64

    /// - Parameter directory: of the segments.
    static func path(_ directory: String) -> String { directory + ".mark" }

    /// - Returns: `nil` where there is none that can be read.
    /// - Throws: ``SystemError``.
    static func read(_ directory: String) throws -> SegmentMark? {
        let path = path(directory)
        guard try Files.size(path) == Int64(octets) else { return nil }
        let bytes = try Files.read(path, offset: 0, count: octets)
        guard bytes.count == octets else { return nil }
        let numbers = stride(from: 0, to: octets, by: 8).map { start in
            bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        guard XXH64.checksum(Array(bytes.prefix(16))) == numbers[2] else { return nil }
        return SegmentMark(segment: Int64(bitPattern: numbers[0]), end: Int64(bitPattern: numbers[1]))
    }

    var bytes: [UInt8] {
        func octets(_ number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        let both = octets(UInt64(bitPattern: segment)) + octets(UInt64(bitPattern: end))
        return both + octets(XXH64.checksum(both))
    }
}
