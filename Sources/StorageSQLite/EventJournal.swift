import Foundation
import Glibc
import Synchronization
import TrackingEvents

/// Two that append to one journal would write into each other's lines.
struct JournalInUse: Error, CustomStringConvertible {
    let path: String

    var description: String {
        "another tracerelay writes \(path); give each its own data-directory"
    }
}

/// Events as lines in a file, each behind its XXH64 checksum in hexadecimal; read again from any line's start.
///
/// One thread appends; others may read up to ``octets``.
final class EventJournal: Sendable {
    private static let checksumOctets = 16
    /// Octets that are read at a time: a few thousand events.
    private static let pieceOctets = 512 << 10

    let path: String
    private let descriptor: Int32
    private let count: Atomic<Int>
    private let synced: Atomic<Int>
    /// Octets of whole lines.
    var octets: Int { count.load(ordering: .acquiring) }
    /// Octets of whole lines when it was opened.
    let octetsFound: Int

    /// Opens the file, whose name is on the disk then; a torn last line, which a crash leaves, is cut off so that nothing is
    /// ever joined to it.
    init(path: String) throws {
        self.path = path
        descriptor = try Files.open(path, O_RDWR | O_CREAT | O_APPEND)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let isTaken = errno == EWOULDBLOCK
            let error = SystemError("flock \(path)")
            Glibc.close(descriptor)
            throw isTaken ? JournalInUse(path: path) : error
        }
        let size = max(0, Int(lseek(descriptor, 0, SEEK_END)))
        let whole = try Self.wholeLines(path, size)
        octetsFound = whole
        count = Atomic(whole)
        synced = Atomic(whole)
        if whole < size { ftruncate(descriptor, off_t(whole)) }
        if size == 0 { try Files.syncDirectory(URL(fileURLWithPath: path).deletingLastPathComponent().path) }
    }

    /// Opens another node's file.
    init(reading path: String) throws {
        self.path = path
        descriptor = try Files.open(path, O_RDONLY)
        let whole = try Self.wholeLines(path, max(0, Int(lseek(descriptor, 0, SEEK_END))))
        octetsFound = whole
        count = Atomic(whole)
        synced = Atomic(whole)
    }

    deinit { close(descriptor) }

    /// Lets another write it.
    func release() { flock(descriptor, LOCK_UN) }

    private static func wholeLines(_ path: String, _ size: Int) throws -> Int {
        var end = size
        while end > 0 {
            let start = max(0, end - pieceOctets)
            if let last = try Files.read(path, offset: Int64(start), count: end - start).lastIndex(of: 0x0A) {
                return start + last + 1
            }
            end = start
        }
        return 0
    }

    /// Device and inode: another file under the same name is another journal.
    var identity: Int64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return 0 }
        return Int64(truncatingIfNeeded: UInt64(status.st_ino) ^ UInt64(status.st_dev) << 48)
    }

    /// Whether the file is still there under its name: somebody may have moved it away.
    var isInPlace: Bool {
        var (own, named) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(path, &named) == 0 && own.st_ino == named.st_ino
            && own.st_dev == named.st_dev
    }

    /// Appends lines, each with its LF.
    func append(_ lines: [[UInt8]], limit: Int) throws {
        var bytes: [UInt8] = []
        for line in lines {
            bytes += Self.checksum(line.dropLast())
            bytes += line
        }
        guard octets + bytes.count <= limit else { throw SystemError("journal limit", code: ENOSPC) }
        do {
            try OperatingSystem().write(descriptor, bytes, at: Int64(octets))
        } catch {
            // What was written in part would be in front of the next line.
            ftruncate(descriptor, off_t(octets))
            throw error
        }
        count.store(octets + bytes.count, ordering: .releasing)
    }

    /// Brings what was appended to the disk.
    func sync() throws {
        let end = octets
        guard synced.load(ordering: .relaxed) < end else { return }
        try OperatingSystem().sync(descriptor)
        synced.store(end, ordering: .relaxed)
    }

    /// A piece of the journal.
    struct Piece {
        var events: [(number: Int64, event: Event)] = []
        /// Where each of them stands in the file, its LF included.
        var places: [Range<Int>] = []
        /// Lines that are left out.
        var damaged = 0
        /// Where the next piece begins.
        var end = 0
    }

    /// Events from an offset on.
    func events(from offset: Int) throws -> Piece {
        let octets = octets
        var count = min(Self.pieceOctets, octets - offset)
        var bytes = try Files.read(descriptor, offset: Int64(offset), count: count)
        while bytes.lastIndex(of: 0x0A) == nil, offset + count < octets {
            count = min(count * 2, octets - offset)
            bytes = try Files.read(descriptor, offset: Int64(offset), count: count)
        }
        var piece = Piece()
        let end = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
        for line in bytes[..<end].split(separator: 0x0A) {
            let content = line.dropFirst(Self.checksumOctets)
            guard line.prefix(Self.checksumOctets).elementsEqual(Self.checksum(content)),
                let event = EventCoding.decode(content)
            else {
                piece.damaged += 1
                continue
            }
            piece.events.append(event)
            piece.places.append(offset + line.startIndex..<offset + line.endIndex)
        }
        // A file that someone has cut shorter must not be read for ever.
        piece.end = end > 0 ? offset + end : octets
        return piece
    }

    /// Overwrites whole lines that are stored elsewhere with empty ones, which reading passes over.
    func blank(_ places: [Range<Int>]) throws {
        guard !places.isEmpty else { return }
        // What is opened for appending writes at the end whatever it is told.
        let writing = try Files.open(path, O_WRONLY)
        defer { close(writing) }
        var (own, named) = (stat(), stat())
        guard fstat(descriptor, &own) == 0, fstat(writing, &named) == 0, own.st_ino == named.st_ino,
            own.st_dev == named.st_dev
        else { throw SystemError("\(path) was replaced", code: ESTALE) }
        for place in places {
            var offset = place.lowerBound
            while offset < place.upperBound {
                let count = min(Self.pieceOctets, place.upperBound - offset)
                try OperatingSystem().write(writing, [UInt8](repeating: 0x0A, count: count), at: Int64(offset))
                offset += count
            }
        }
        try OperatingSystem().sync(writing)
    }

    private static func checksum(_ line: ArraySlice<UInt8>) -> [UInt8] {
        let digits = Array(String(XXH64.checksum(Array(line)), radix: 16).utf8)
        return [UInt8](repeating: 0x30, count: checksumOctets - digits.count) + digits
    }
}
