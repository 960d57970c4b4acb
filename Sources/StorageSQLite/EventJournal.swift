import Glibc
import TrackingEvents

/// Events that the database does not have yet, as lines in a file.
final class EventJournal {
    private let descriptor: Int32
    private let path: String
    private(set) var octets = 0

    init(path: String) throws {
        self.path = path
        descriptor = try Files.open(path, O_RDWR | O_CREAT | O_APPEND)
        octets = max(0, Int(lseek(descriptor, 0, SEEK_END)))
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws {
        try OperatingSystem().write(descriptor, bytes, at: Int64(octets))
        octets += bytes.count
    }

    func sync() { fdatasync(descriptor) }

    /// Everything in it; a torn last line is left out.
    func events() throws -> [(number: Int64, event: Event)] {
        let bytes = try Files.read(path, offset: 0, count: octets)
        return bytes.split(separator: 0x0A).compactMap { EventCoding.decode($0) }
    }

    func clear() {
        guard ftruncate(descriptor, 0) == 0 else { return }
        octets = 0
    }
}
