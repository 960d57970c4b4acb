import Glibc
import TrackingEvents

/// Events that the database does not have yet, as lines in a file, each behind its XXH64 checksum in hexadecimal.
final class EventJournal {
    private static let checksumOctets = 16

    private let descriptor: Int32
    private let path: String
    private(set) var octets = 0

    /// Opens the file; a torn last line, which a crash leaves, is cut off so that nothing is ever joined to it.
    init(path: String) throws {
        self.path = path
        descriptor = try Files.open(path, O_RDWR | O_CREAT | O_APPEND)
        let size = max(0, Int(lseek(descriptor, 0, SEEK_END)))
        let bytes = try Files.read(path, offset: 0, count: size)
        octets = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        if octets < size { ftruncate(descriptor, off_t(octets)) }
    }

    deinit { close(descriptor) }

    func append(_ events: [(number: Int64, event: Event)], limit: Int) throws {
        var bytes: [UInt8] = []
        for (number, event) in events {
            let line = EventCoding.encode(event, number: number)
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
        octets += bytes.count
    }

    func sync() { fdatasync(descriptor) }

    /// Everything in it, and how many lines were damaged and are left out.
    func events() throws -> (events: [(number: Int64, event: Event)], damaged: Int) {
        let lines = try Files.read(path, offset: 0, count: octets).split(separator: 0x0A)
        let events = lines.compactMap { line -> (number: Int64, event: Event)? in
            let content = line.dropFirst(Self.checksumOctets)
            return line.prefix(Self.checksumOctets).elementsEqual(Self.checksum(content))
                ? EventCoding.decode(content) : nil
        }
        return (events, lines.count - events.count)
    }

    func clear() {
        guard ftruncate(descriptor, 0) == 0 else { return }
        octets = 0
    }

    private static func checksum(_ line: ArraySlice<UInt8>) -> [UInt8] {
        let digits = Array(String(XXH64.checksum(Array(line)), radix: 16).utf8)
        return [UInt8](repeating: 0x30, count: checksumOctets - digits.count) + digits
    }
}
