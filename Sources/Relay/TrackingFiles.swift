import OpenSSLBridge
import Tracking
public import TrackingEvents

/// The files of `[tracking]` that are read anew while the service runs.
struct TrackingFiles: Sendable {
    let blockList: WatchedFile<BlockList>?
    let denyList: WatchedFile<DenyList>?

    /// - Throws: ``StartFailure`` where it cannot be read.
    static func blockList(_ path: String?, _ log: RelayLog) throws -> WatchedFile<BlockList>? {
        guard let path else { return nil }
        return try WatchedFile(path: path, key: "block-list-file", log: log) {
            try BlockList(parsing: String(decoding: $0, as: UTF8.self))
        }
    }

    /// - Throws: ``StartFailure`` where it cannot be read.
    static func denyList(_ path: String?, _ log: RelayLog) throws -> WatchedFile<DenyList>? {
        guard let path else { return nil }
        return try WatchedFile(path: path, key: "deny-list-file", log: log) { octets in
            try DenyList(parsing: String(decoding: octets, as: UTF8.self)) { SHA256.digest($0) }
        }
    }

    /// Name of each file's key, and what is wrong with the file, or empty.
    var complaints: [(key: String, complaint: String)] {
        [("block-list-file", blockList?.complaint), ("deny-list-file", denyList?.complaint)].compactMap { key, text in
            text.map { (key, $0) }
        }
    }

    /// Looks for changes every second, until the task ends.
    func watch(_ metrics: RelayMetrics) async {
        while !Task.isCancelled {
            await BlockingWork.run {
                blockList?.check()
                denyList?.check()
            }
            for (key, complaint) in complaints {
                metrics.set("list_file_trouble", ("file", key), to: complaint.isEmpty ? 0 : 1)
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }
}

/// The rules that tell people from machines.
public enum HitRulesFile {
    /// Reads a file; the shipped rules where there is none to read.
    /// - Throws: ``StartFailure`` with file and line.
    public static func load(_ path: String?) throws -> HitRules {
        guard let path else { return .shipped }
        do {
            return try HitRules(parsing: String(decoding: try SmallFile.read(path), as: UTF8.self))
        } catch let failure as SmallFile.Failure {
            throw StartFailure("hit-classes-file: \(failure)", exitCode: 78)
        } catch {
            throw StartFailure("\(path):\(error)", exitCode: 78)
        }
    }
}
