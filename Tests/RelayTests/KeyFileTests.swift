import Foundation
import Testing
import Tracking

@testable import Relay

/// A folder that is removed with the test.
private final class Folder: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("tracerelay-\(UUID().uuidString)").path
    var key: String { path + "/tracking.key" }

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Two first starts at once both see no file, and both make one: the first one stays, whoever comes second signs with it.
@Test func theFirstKeyFileStays() throws {
    let folder = try Folder()
    try TrackingKeys.make(folder.key)
    let first = try SmallFile.read(folder.key)
    try TrackingKeys.make(folder.key)
    #expect(try SmallFile.read(folder.key) == first)
    #expect(try TrackingKeys.loadForStart(folder.key, dataDirectory: folder.path).fileText.utf8.elementsEqual(first))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["tracking.key"])
}

@Test func allFirstStartsSignWithTheKeyOfTheFile() async throws {
    let folder = try Folder()
    let rings = try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<16 {
            group.addTask { try TrackingKeys.loadForStart(folder.key, dataDirectory: folder.path).fileText }
        }
        return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(rings == [String(decoding: try SmallFile.read(folder.key), as: UTF8.self)])
}

/// Where mail may have gone out with a key, none is made in its place.
@Test(arguments: ["queue.sqlite", "events.sqlite", "events.journal", "segments"])
func aLostKeyFileIsNotMadeAnew(_ trace: String) throws {
    let folder = try Folder()
    try Data().write(to: URL(fileURLWithPath: folder.path + "/" + trace))
    #expect(throws: TrackingKeys.Failure.self) {
        try TrackingKeys.loadForStart(folder.key, dataDirectory: folder.path)
    }
    #expect(throws: TrackingKeys.Failure.self) { try TrackingKeys.check(folder.key, dataDirectory: folder.path) }
    #expect(!TrackingKeys.isThere(folder.key))
}
