import Foundation
import Testing

@Suite struct ExplainTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("explain-\(UUID().uuidString)")

    private func mail(_ path: String, _ word: String) throws -> String {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("From: a@b.example\r\nSubject: \(word)\r\n\r\n\(word)\r\n".utf8).write(to: file)
        return file.path
    }

    private func run(_ arguments: [String]) async throws -> Ending { try await Command.run(["explain"] + arguments) }

    private func content(_ path: String) -> String? {
        FileManager.default.contents(atPath: folder.appendingPathComponent(path).path).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test func noResultIsWrittenOverAnotherOrOverAMail() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let first = try mail("a/x.eml", "one")
        let second = try mail("b/x.eml", "two")
        let out = folder.appendingPathComponent("out").path
        let clash = try await run([first, second, "--output", out])
        #expect(clash.status == 64)
        #expect(clash.output.contains("would both be written to"))
        #expect(content("out/x.eml") == nil)
        let same = try await run([first, "--output", first])
        #expect(same.status == 64)
        #expect(content("a/x.eml")?.hasPrefix("From:") == true)
        let third = try mail("c/y.eml", "three")
        let folders = try await run([folder.appendingPathComponent("a").path, third, "--output", out])
        #expect(folders.status == 0)
        #expect(content("out/x.eml")?.contains("one") == true)
        #expect(content("out/y.eml")?.contains("three") == true)
    }

    @Test func emptyFoldersAndUnreadableMailsAreSaid() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let present = try mail("a/x.EML", "one")
        let empty = folder.appendingPathComponent("empty")
        try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
        let nothing = try await run([empty.path])
        #expect(nothing.status == 66)
        #expect(nothing.output.contains("holds no .eml file"))
        let missing = folder.appendingPathComponent("missing.eml").path
        let some = try await run([missing, present])
        #expect(some.status == 66)
        #expect(some.output.contains("cannot read \(missing)"))
        #expect(some.output.contains("untracked"))
    }
}
