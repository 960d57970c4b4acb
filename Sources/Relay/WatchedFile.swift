import Glibc
import Synchronization

/// A file that a sysadmin edits while the service runs: read anew when it changes; what cannot be read leaves the last
/// good content in force, and is told until it is mended.
final class WatchedFile<Content: Sendable>: Sendable {
    private struct State {
        var content: Content
        var stamp: [Int]
        var complaint = ""
    }

    private let path: String
    private let read: @Sendable ([UInt8]) throws -> Content
    private let log: RelayLog
    private let state: Mutex<State>

    /// Reads the file for the first time.
    /// - Throws: ``StartFailure`` where it cannot be read: there is no last good content that could stay in force.
    init(path: String, key: String, log: RelayLog, read: @escaping @Sendable ([UInt8]) throws -> Content) throws {
        self.path = path
        self.read = read
        self.log = log
        let stamp = Self.stamp(of: path)
        do {
            state = Mutex(State(content: try read(try SmallFile.read(path)), stamp: stamp))
        } catch let failure as SmallFile.Failure {
            throw StartFailure("\(key): \(failure); make the file, empty if nothing is to stand there", exitCode: 78)
        } catch {
            throw StartFailure("\(key): \(path):\(error)", exitCode: 78)
        }
    }

    var content: Content { state.withLock { $0.content } }

    /// What is wrong with the file, or empty.
    var complaint: String { state.withLock { $0.complaint } }

    /// Looks whether the file has changed, and again and again while it cannot be read; blocks.
    func check() {
        let stamp = Self.stamp(of: path)
        guard state.withLock({ $0.stamp != stamp || !$0.complaint.isEmpty }) else { return }
        do {
            let octets = try SmallFile.read(path)
            // An editor or a full disk that stopped halfway; whoever means it writes a comment.
            guard octets.contains(where: { $0 > 0x20 }) else { throw Emptied(path: path) }
            let content = try read(octets)
            state.withLock { $0 = State(content: content, stamp: stamp) }
            log.warning("\(path) is in force")
        } catch {
            let sentence = error is SmallFile.Failure || error is Emptied ? "\(error)" : "\(path):\(error)"
            let isNew = state.withLock { state in
                defer { state.complaint = sentence }
                return state.complaint != sentence || state.stamp != stamp
            }
            state.withLock { $0.stamp = stamp }
            if isNew { log.error("\(sentence); what was in force before stays") }
        }
    }

    private struct Emptied: Error, CustomStringConvertible {
        let path: String
        var description: String {
            "\(path) is empty now; if it is meant to be, write a line that begins with # into it"
        }
    }

    /// Changes whenever the file does; empty where there is none.
    private static func stamp(of path: String) -> [Int] {
        var facts = stat()
        guard stat(path, &facts) == 0 else { return [] }
        return [
            Int(truncatingIfNeeded: facts.st_ino), Int(facts.st_size), facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec,
            facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec,
        ]
    }
}
