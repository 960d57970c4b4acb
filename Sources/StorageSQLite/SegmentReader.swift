import Glibc
import MessageQueue
import Synchronization

/// Reads contents back, and tells one that is damaged from one that cannot be read now.
final class SegmentReader: Sendable {
    enum Reading {
        case whole([UInt8])
        /// The file is there to be read, and the content is not what was written.
        case damaged(String)
        /// Says nothing about the content.
        case trouble(SystemError)
    }

    /// A descriptor that closes with its last user.
    private final class OpenFile: Sendable {
        let descriptor: Int32

        init(_ descriptor: Int32) { self.descriptor = descriptor }

        deinit { Glibc.close(descriptor) }
    }

    /// Segments kept open: a process that is out of descriptors can still send.
    private static let limit = 16

    private let directory: String
    private let files = Mutex<(open: [Int64: OpenFile], order: [Int64])>(([:], []))

    /// - Parameter directory: of the segments.
    init(directory: String) { self.directory = directory }

    func read(_ place: ContentPlace) -> Reading {
        do {
            let file = try file(place.segment)
            var state = stat()
            guard fstat(file.descriptor, &state) == 0 else { throw SystemError("fstat") }
            let (end, overflows) = place.offset.addingReportingOverflow(Int64(place.count))
            guard place.offset >= 0, place.count >= 0, !overflows, end <= Int64(state.st_size) else {
                return .damaged("its segment \(place.segment) ends before it does")
            }
            let bytes = try Files.read(file.descriptor, offset: place.offset, count: place.count)
            guard bytes.count == place.count, XXH64.checksum(bytes) == place.checksum else {
                return .damaged("its content in segment \(place.segment) is not what was written")
            }
            return .whole(bytes)
        } catch let error as SystemError where error.code == ENOENT {
            // Not while the whole directory is away: it may be mounted again.
            guard access(directory, X_OK) == 0 else { return .trouble(SystemError("open \(directory)")) }
            return .damaged("its segment \(place.segment) is missing")
        } catch let error as SystemError {
            return .trouble(error)
        } catch {
            return .trouble(SystemError("read", code: EIO))
        }
    }

    /// Lets go of segments that were removed, and of their room on the disk.
    func forget(_ numbers: [Int64]) {
        files.withLock { files in
            for number in numbers { files.open[number] = nil }
            files.order.removeAll { numbers.contains($0) }
        }
    }

    private func file(_ number: Int64) throws -> OpenFile {
        if let file = files.withLock({ $0.open[number] }) { return file }
        let file = OpenFile(try Files.open(SegmentFiles.path(directory, number), O_RDONLY))
        files.withLock { files in
            guard files.open.updateValue(file, forKey: number) == nil else { return }
            files.order.append(number)
            if files.order.count > Self.limit { files.open[files.order.removeFirst()] = nil }
        }
        return file
    }
}
