import Foundation
import OpenSSLBridge
import Synchronization
import Tracking
public import TrackingEvents

/// A file that a sysadmin edits while the service runs: read anew when it changes; what cannot be read leaves the last
/// good content in force.
final class WatchedFile<Content: Sendable>: Sendable {
    private struct State {
        var content: Content
        var stamp: [String] = []
        var complaint = ""
    }

    private let path: String
    private let read: @Sendable (String) throws -> Content
    private let report: @Sendable (String) -> Void
    private let state: Mutex<State>

    /// - Parameter empty: in force where there is no file.
    init(
        path: String, empty: Content, report: @escaping @Sendable (String) -> Void,
        read: @escaping @Sendable (String) throws -> Content
    ) {
        self.path = path
        self.read = read
        self.report = report
        state = Mutex(State(content: empty))
        check()
    }

    var content: Content { state.withLock { $0.content } }

    /// Looks whether the file has changed; blocks.
    func check() {
        let facts = try? FileManager.default.attributesOfItem(atPath: path)
        let stamp = [FileAttributeKey.modificationDate, .size, .systemFileNumber].map { key in
            facts.map { "\(($0[key] as? Date)?.timeIntervalSince1970.description ?? "\($0[key] ?? 0)")" } ?? "missing"
        }
        guard state.withLock({ $0.stamp != stamp }) else { return }
        do {
            guard let data = FileManager.default.contents(atPath: path) else {
                throw StartFailure("cannot be read", exitCode: 66)
            }
            let content = try read(String(decoding: data, as: UTF8.self))
            state.withLock { $0 = State(content: content, stamp: stamp) }
            report("\(path) is in force")
        } catch {
            state.withLock { state in
                state.stamp = stamp
                state.complaint = "\(error)"
            }
            report("\(path):\(error); what was in force before stays")
        }
    }

    /// What is wrong with the file, or empty.
    var complaint: String { state.withLock { $0.complaint } }
}

/// The files of `[tracking]` and `[web]` that decide about hits.
struct TrackingFiles: Sendable {
    let blockList: WatchedFile<BlockList>?
    let denyList: WatchedFile<DenyList>?

    /// Looks for changes every second, until the task ends.
    func watch() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            await BlockingWork.run {
                blockList?.check()
                denyList?.check()
            }
        }
    }
}

extension TrackingFiles {
    init(blockListFile: String?, denyListFile: String?, log: RelayLog) {
        let report: @Sendable (String) -> Void = { log.warning($0) }
        blockList = blockListFile.map { path in
            WatchedFile(path: path, empty: BlockList(), report: report) { try BlockList(parsing: $0) }
        }
        denyList = denyListFile.map { path in
            WatchedFile(path: path, empty: DenyList(), report: report) { text in
                DenyList(parsing: text) { SHA256.digest($0) }
            }
        }
    }
}

/// The rules that tell people from machines.
public enum HitRulesFile {
    /// Reads a file; the shipped rules where there is none to read.
    /// - Throws: ``StartFailure`` with file and line.
    public static func load(_ path: String?) throws -> HitRules {
        guard let path else { return .shipped }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw StartFailure("cannot read hit-classes-file \(path)", exitCode: 78)
        }
        do {
            return try HitRules(parsing: String(decoding: data, as: UTF8.self))
        } catch {
            throw StartFailure("\(path):\(error)", exitCode: 78)
        }
    }
}
