import Foundation
import Testing

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
}

/// Targets of Package.swift and what they depend on among themselves; what only tests have is no room.
private func targets() throws -> [String: Set<String>] {
    let manifest = try text("Package.swift")
    var result: [String: Set<String>] = [:]
    let pattern = /\.(?:target|executableTarget|systemLibrary)\(\s*name: "(\w+)"((?:.|\n)*?)(?=\n        \.|\n    \])/
    for match in manifest.matches(of: pattern) where !match.2.contains("path: \"Tests/") {
        let names = match.2.matches(of: /"(\w+)"/).map { String($0.1) }
        result[String(match.1)] = Set(names)
    }
    return result.mapValues { $0.intersection(result.keys) }
}

/// The rows of the README's map.
private func map() throws -> [(name: String, mayImport: Set<String>)] {
    try text("README.md").matches(of: /\n\| `(\w+)` \| [^|]+ \| ([^|]+) \|/).map { match in
        (String(match.1), Set(match.2.split(whereSeparator: { !$0.isLetter && !$0.isNumber }).map(String.init)))
    }
}

@Test func theRoomMapIsTrue() throws {
    let targets = try targets()
    let map = try map()
    #expect(targets.count > 12)
    #expect(Set(map.map(\.name)) == Set(targets.keys))
    var above: Set<String> = []
    for (name, mayImport) in map {
        let uses = targets[name] ?? []
        #expect(uses == mayImport.intersection(targets.keys), "\(name)")
        #expect(uses.isSubset(of: above), "\(name) points down the list")
        above.insert(name)
    }
}

@Test func roomsKeepTheirTools() throws {
    let rules: [(word: String, rooms: Set<String>)] = [
        ("import GRDB", ["StorageSQLite"]), ("import TOMLKit", ["RelayConfiguration"]),
        ("import COpenSSL", ["OpenSSLBridge"]),
        ("import CIconv", ["MailMessage"]), ("import Hummingbird", ["TrackingWeb"]),
        ("import Mustache", ["TrackingWeb"]),
        ("import ArgumentParser", ["tracerelay"]),
        ("import NIOPosix", ["SMTPTransport", "Relay", "FakeUpstream", "TrackingWeb"]), ("try!", []),
        ("fatalError(", []),
    ]
    let sources = root.appendingPathComponent("Sources")
    let files = try #require(FileManager.default.enumerator(atPath: sources.path))
    for case let path as String in files where path.hasSuffix(".swift") {
        let content = try String(contentsOf: sources.appendingPathComponent(path), encoding: .utf8)
        for (word, rooms) in rules where content.contains(word) {
            #expect(rooms.contains(path.split(separator: "/").first.map(String.init) ?? ""), "\(path): \(word)")
        }
    }
}

@Test func theREADMEsTestCommandIsTheGates() throws {
    #expect(try text("README.md").contains("\n    swift test\n"))
    #expect(try text(".ci/run").contains("\nswift test"))
}
