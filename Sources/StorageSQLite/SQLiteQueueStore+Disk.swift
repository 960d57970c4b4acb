import Glibc
import MessageQueue

/// What the disk says.
extension SQLiteQueueStore {
    /// Free octets where the queue is, and octets in all.
    public static func space(directory: String) -> (free: Int, total: Int)? {
        (try? OperatingSystem().free(at: directory)).map { ($0.octets, $0.total) }
    }

    /// Why nothing could be committed now, or `nil`.
    public static func complaint(directory: String, messageOctets: Int) -> String? {
        do {
            try QueueWriter.guardDisk(OperatingSystem(), directory, messageOctets)
            return nil
        } catch {
            return "\(error)"
        }
    }

    static func translate(_ error: SystemError, path: String) -> QueueError {
        guard error.code == ENOSPC || error.code == EDQUOT else { return .storageFailed("\(error)") }
        return .noSpace(path: path)
    }
}
