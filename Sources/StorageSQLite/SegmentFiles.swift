import Glibc
import MessageQueue

/// The contents on disk: appended to numbered segment files, synced before any row points at them.
///
/// What is synced follows what was written: every segment that took a content since the last ``sync()`` is in ``dirty``,
/// whether or not it is still the one that is appended to. Used by the writer thread only.
final class SegmentFiles {
    /// A segment of this size gets a successor.
    static let sealOctets: Int64 = 64 << 20
    /// The open one is reused, though empty, until it is worth the system calls.
    private static let reusedOctets: Int64 = 4 << 20

    struct Segment {
        var liveCount = 0
        var liveOctets: Int64 = 0
        var octets: Int64 = 0
        /// Something in it can neither be moved nor given up.
        var isStuck = false
    }

    let directory: String
    let system: any FileSystem
    private let seal: Int64
    var segments: [Int64: Segment] = [:]
    var lastNumber: Int64 = 0
    /// The one that is appended to.
    private var current: Int64?
    /// Descriptors of the current one and of those in ``dirty``.
    private var descriptors: [Int64: Int32] = [:]
    private var dirty: Set<Int64> = []
    /// Those in which nothing is alive any more.
    private var empty: Set<Int64> = []
    /// Those that hold text of mail that has left the queue.
    private(set) var soiled: Set<Int64> = []
    private var markFile: Int32?

    init(directory: String, system: any FileSystem, sealOctets: Int64 = SegmentFiles.sealOctets) {
        self.directory = directory
        self.system = system
        seal = sealOctets
    }

    deinit {
        for descriptor in descriptors.values { Glibc.close(descriptor) }
        if let markFile { Glibc.close(markFile) }
    }

    static func path(_ directory: String, _ number: Int64) -> String { "\(directory)/\(number).segment" }

    func path(_ number: Int64) -> String { Self.path(directory, number) }

    // MARK: Writing

    /// Appends a content; nothing is synced yet. When it fails, what stood there before is as good as it was.
    func append(_ content: [UInt8], checksum: UInt64) throws -> ContentPlace {
        let target = try writable()
        let offset = segments[target.number]?.octets ?? 0
        do {
            try system.write(target.descriptor, content, at: offset)
        } catch {
            // Gives back what a full disk took; a tail that stays is in nobody's way, but nothing goes behind it.
            do { try system.truncate(target.descriptor, to: offset) } catch { retire() }
            throw error
        }
        dirty.insert(target.number)
        segments[target.number]?.octets += Int64(content.count)
        enter(target.number, content.count)
        return ContentPlace(segment: target.number, offset: offset, count: content.count, checksum: checksum)
    }

    /// Syncs every segment that was written since the last time.
    /// - Returns: those that failed, and why. Nothing that was written into one of them since then may be trusted, nor
    ///   would a second sync tell the truth: it is never appended to again.
    func sync() -> [Int64: any Error] {
        var failures: [Int64: any Error] = [:]
        for number in dirty.sorted() {
            do {
                guard let descriptor = descriptors[number] else { throw SystemError("fdatasync", code: EBADF) }
                try system.sync(descriptor)
            } catch {
                failures[number] = error
                if number == current { current = nil }
            }
            if number != current { close(number) }
        }
        dirty.removeAll()
        return failures
    }

    /// Makes a spilled file a segment of its own; file and name are synced here.
    func adopt(_ spill: FileSpill) throws -> ContentPlace {
        lastNumber += 1
        let number = lastNumber
        try system.sync(spill.descriptor)
        try system.move(spill.path, to: path(number))
        do {
            try system.syncDirectory(directory)
        } catch {
            // No row points at it; under this name a start would have to take it for mail.
            try? system.remove(path(number))
            throw error
        }
        segments[number] = Segment(octets: Int64(spill.count))
        enter(number, spill.count)
        return ContentPlace(segment: number, offset: 0, count: spill.count, checksum: spill.checksum)
    }

    private func writable() throws -> (number: Int64, descriptor: Int32) {
        if let current, let descriptor = descriptors[current], (segments[current]?.octets ?? 0) < seal {
            return (current, descriptor)
        }
        retire()
        lastNumber += 1
        let number = lastNumber
        let descriptor = try system.open(path(number), O_RDWR | O_CREAT | O_EXCL)
        do {
            try system.syncDirectory(directory)
        } catch {
            Glibc.close(descriptor)
            try? system.remove(path(number))
            throw error
        }
        segments[number] = Segment()
        descriptors[number] = descriptor
        current = number
        return (number, descriptor)
    }

    /// Ends the current one. It stays open as long as something in it is to be synced.
    private func retire() {
        guard let number = current else { return }
        current = nil
        if !dirty.contains(number) { close(number) }
        if segments[number]?.liveCount == 0 { empty.insert(number) }
    }

    private func close(_ number: Int64) {
        if let descriptor = descriptors.removeValue(forKey: number) { Glibc.close(descriptor) }
    }

    // MARK: Accounts

    /// Octets of segments, for the table that tells at start what was accounted for.
    func octets(of numbers: Set<Int64>) -> [(number: Int64, octets: Int64)] {
        numbers.compactMap { number in segments[number].map { (number, $0.octets) } }
    }

    /// The rows of these octets are on disk. Where that cannot be noted, a start will know less of a database that was put
    /// back, and nothing else.
    func mark(_ reached: [(number: Int64, octets: Int64)]) {
        guard let last = reached.max(by: { $0.number < $1.number }) else { return }
        do {
            let file = try markFile ?? Files.open(SegmentMark.path(directory), O_WRONLY | O_CREAT)
            markFile = file
            try OperatingSystem().write(file, SegmentMark(segment: last.number, end: last.octets).bytes, at: 0)
        } catch {
            return
        }
    }

    private func enter(_ number: Int64, _ count: Int) {
        segments[number]?.liveCount += 1
        segments[number]?.liveOctets += Int64(count)
        empty.remove(number)
    }

    /// Gives places back; ``sweep(isLive:)`` removes what got empty.
    func release(_ number: Int64, count: Int, octets: Int64) {
        guard var segment = segments[number] else { return }
        segment.liveCount -= min(count, segment.liveCount)
        segment.liveOctets -= min(octets, segment.liveOctets)
        segments[number] = segment
        if segment.liveCount == 0 { empty.insert(number) }
        soil(number)
    }

    /// Something in it may be nobody's mail any more.
    func soil(_ number: Int64) { soiled.insert(number) }

    /// All that was nobody's is erased.
    func cleaned(_ number: Int64) { soiled.remove(number) }

    /// Removes the segments in which nothing is alive.
    /// - Parameter isLive: whether a row points into a segment: the rows know best, the accounts are only a hint.
    /// - Returns: those that are gone.
    func sweep(isLive: (Int64) throws -> Bool) rethrows -> [Int64] {
        var gone: [Int64] = []
        for number in empty {
            if number == current, (segments[number]?.octets ?? 0) <= Self.reusedOctets { continue }
            let isLive = try isLive(number)
            empty.remove(number)
            if isLive {
                segments[number]?.isStuck = true
                continue
            }
            if number == current { current = nil }
            close(number)
            dirty.remove(number)
            segments[number] = nil
            soiled.remove(number)
            do { try system.remove(path(number)) } catch { continue }
            gone.append(number)
        }
        return gone
    }

    /// A closed segment of which little is alive.
    func sparse() -> Int64? {
        segments.first { number, segment in
            number != current && !segment.isStuck && segment.liveCount > 0 && segment.octets > 1 << 20
                && segment.liveOctets * 4 < segment.octets
        }?.key
    }

    /// Leaves a segment as it is, for good.
    func leave(_ number: Int64) { segments[number]?.isStuck = true }
}
