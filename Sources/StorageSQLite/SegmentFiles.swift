import Glibc
import MessageQueue

/// The contents on disk: appended to numbered segment files, synced before any row points at them.
///
/// Used by the writer thread only.
final class SegmentFiles {
    /// A segment of this size gets a successor.
    private static let sealOctets: Int64 = 64 << 20

    private struct Segment {
        var liveCount = 0
        var liveOctets: Int64 = 0
        var octets: Int64 = 0
    }

    let directory: String
    private let system: any FileSystem
    private var segments: [Int64: Segment] = [:]
    private var current: (number: Int64, descriptor: Int32)?
    private var lastNumber: Int64 = 0

    init(directory: String, system: any FileSystem) {
        self.directory = directory
        self.system = system
    }

    static func path(_ directory: String, _ number: Int64) -> String { "\(directory)/\(number).segment" }

    /// Takes over what the rows point into, and removes the rest.
    /// - Returns: how many files nothing pointed into.
    func recover(_ live: [Int64: (count: Int, octets: Int64)]) -> Int {
        var orphans = 0
        for name in Files.names(in: directory) {
            let number = Int64(name.prefix { $0 != "." })
            lastNumber = max(lastNumber, number ?? 0)
            if name.hasSuffix(".segment"), let number, live[number] != nil { continue }
            unlink("\(directory)/\(name)")
            orphans += 1
        }
        for (number, use) in live {
            lastNumber = max(lastNumber, number)
            segments[number] = Segment(liveCount: use.count, liveOctets: use.octets, octets: use.octets)
        }
        return orphans
    }

    /// Appends contents; nothing is synced yet.
    func append(_ content: [UInt8], checksum: UInt64) throws -> ContentPlace {
        let target = try writable()
        let offset = segments[target.number]?.octets ?? 0
        try system.write(target.descriptor, content, at: offset)
        segments[target.number]?.octets += Int64(content.count)
        enter(target.number, content.count)
        return ContentPlace(segment: target.number, offset: offset, count: content.count, checksum: checksum)
    }

    func sync() throws {
        if let current { try system.sync(current.descriptor) }
    }

    /// Makes a spilled file a segment of its own; it is synced here.
    func adopt(_ spill: FileSpill) throws -> ContentPlace {
        lastNumber += 1
        let number = lastNumber
        try system.sync(spill.descriptor)
        guard rename(spill.path, Self.path(directory, number)) == 0 else { throw SystemError("rename \(spill.path)") }
        try Files.syncDirectory(directory)
        segments[number] = Segment(octets: Int64(spill.count))
        enter(number, spill.count)
        return ContentPlace(segment: number, offset: 0, count: spill.count, checksum: spill.checksum)
    }

    /// After a failed write or sync: nothing is known of the segment's tail, so nothing is ever appended to it again.
    func abandon() {
        if let current { Glibc.close(current.descriptor) }
        current = nil
    }

    func enter(_ number: Int64, _ count: Int) {
        segments[number]?.liveCount += 1
        segments[number]?.liveOctets += Int64(count)
    }

    /// Gives a place back; the file goes with its last content.
    func release(_ place: ContentPlace) {
        guard var segment = segments[place.segment] else { return }
        segment.liveCount -= 1
        segment.liveOctets -= Int64(place.count)
        segments[place.segment] = segment
        guard segment.liveCount <= 0 else { return }
        if current?.number == place.segment {
            // The open one stays until it is worth the system call.
            guard segment.octets > 4 << 20 else { return }
            abandon()
        }
        segments[place.segment] = nil
        unlink(Self.path(directory, place.segment))
    }

    /// A closed segment of which little is alive.
    func sparse() -> Int64? {
        segments.first { number, segment in
            number != current?.number && segment.octets > 1 << 20 && segment.liveOctets * 4 < segment.octets
        }?.key
    }

    private func writable() throws -> (number: Int64, descriptor: Int32) {
        if let current, (segments[current.number]?.octets ?? 0) < Self.sealOctets { return current }
        abandon()
        lastNumber += 1
        let descriptor = try Files.open(Self.path(directory, lastNumber), O_RDWR | O_CREAT | O_EXCL)
        try Files.syncDirectory(directory)
        segments[lastNumber] = Segment()
        current = (lastNumber, descriptor)
        return (lastNumber, descriptor)
    }
}
