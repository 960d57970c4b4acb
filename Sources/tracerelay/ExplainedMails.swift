import ArgumentParser
import Foundation

/// The mails that `explain` was given, and where each one's result goes.
struct ExplainedMails {
    struct Mail {
        let path: String
        /// `nil` where no result is wanted.
        let output: String?
    }

    private(set) var all: [Mail] = []
    /// Whether results go into a folder.
    let isMany: Bool

    /// Looks the paths up.
    /// - Parameter missing: told of folders that hold no mail or cannot be read.
    /// - Throws: 64 where two results, or a result and a mail, would be one file.
    init(_ paths: [String], output: String?, missing: (String) -> Void) throws {
        isMany = paths.count > 1 || paths.contains(where: Self.isFolder)
        for path in paths {
            guard Self.isFolder(path) else {
                let name = path == "-" ? "standard-input.eml" : (path as NSString).lastPathComponent
                all.append(Mail(path: path, output: output.map { isMany ? "\($0)/\(name)" : $0 }))
                continue
            }
            guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
                missing("cannot read the folder \(path)")
                continue
            }
            let mails = names.filter { $0.lowercased().hasSuffix(".eml") }.sorted()
            if mails.isEmpty { missing("\(path) holds no .eml file") }
            all += mails.map { name in Mail(path: "\(path)/\(name)", output: output.map { "\($0)/\(name)" }) }
        }
        try refuseClashes()
    }

    private func refuseClashes() throws {
        var owners: [String: String] = [:]
        let sources = Set(all.map { Self.canonical($0.path) })
        for mail in all {
            guard let output = mail.output else { continue }
            let place = Self.canonical(output)
            if let other = owners.updateValue(mail.path, forKey: place) {
                throw Exit.failure(
                    64, "\(other) and \(mail.path) would both be written to \(output); give each its own --output")
            }
            if sources.contains(place) {
                throw Exit.failure(64, "\(output) is one of the mails to explain; name another --output")
            }
        }
    }

    private static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }
}
