import FakeUpstream
import Foundation
import Glibc
import Testing

/// A way in which a start fails: what is done to a lab that is ready, the exit code, and what the sentence holds.
struct FailedStart: Sendable, CustomStringConvertible {
    let description: String
    var lines = ""
    var trackingLines = ""
    var upstreamLines = ""
    var prepare: @Sendable (Lab) throws -> Void = { _ in }
    let code: Int32
    let words: [String]
    /// Whether check-config can know it.
    var isChecked = true
}

extension FailedStart {
    /// Lines that must stand in the section that a lab has already.
    static let webLines = [
        "HIT-CLASSES": "hit-classes-file = \"/nowhere/classes\"",
        "PASSWORD-HASH": "password-hash = \"pbkdf2-sha256$200000$00\"",
    ]

    static let all: [FailedStart] = [
        FailedStart(
            description: "certificate missing",
            lines: """
                [[listener]]
                address = "127.0.0.1:0"
                tls = "starttls"
                certificate-file = "/nowhere/tls.pem"
                key-file = "/nowhere/tls.key"
                """,
            code: 78, words: ["relay.conf:", ":1: ", "/nowhere/tls.pem"]),
        FailedStart(
            description: "auth-file missing",
            lines: "[[listener]]\naddress = \"127.0.0.1:0\"\nauth-file = \"/nowhere/users\"", code: 78,
            words: ["relay.conf:", "auth-file: cannot read /nowhere/users: No such file"]),
        FailedStart(
            description: "deny list missing", trackingLines: "deny-list-file = \"/nowhere/deny\"", code: 78,
            words: ["relay.conf:11:1: deny-list-file: cannot read /nowhere/deny: No such file"]),
        FailedStart(
            description: "deny list that names nobody", trackingLines: "deny-list-file = \"FOLDER/deny\"",
            prepare: {
                try "ann@c.example\r\nbob\r\n".write(toFile: $0.folder + "/deny", atomically: true, encoding: .utf8)
            },
            code: 78, words: ["relay.conf:11:1: deny-list-file: ", "/deny:2: expected an address"]),
        FailedStart(
            description: "block list missing", trackingLines: "block-list-file = \"/nowhere/block\"", code: 78,
            words: ["relay.conf:11:1: block-list-file: cannot read /nowhere/block"]),
        FailedStart(
            description: "a folder for a list", trackingLines: "block-list-file = \"/tmp\"", code: 78,
            words: ["relay.conf:11:1: block-list-file: cannot read /tmp: Is a directory"]),
        FailedStart(
            description: "hit classes missing", lines: "HIT-CLASSES", code: 78,
            words: ["hit-classes-file: cannot read /nowhere/classes"]),
        FailedStart(
            description: "user without password", upstreamLines: "username = \"news@shop.example\"", code: 78,
            words: ["relay.conf:8:1: ", "has a username and no password; set password-file"]),
        FailedStart(
            description: "password file missing",
            upstreamLines: "username = \"news@shop.example\"\npassword-file = \"/nowhere/password\"", code: 78,
            words: ["relay.conf:9:1: ", "password-file: cannot read /nowhere/password"]),
        FailedStart(
            description: "password file empty",
            upstreamLines: "username = \"news@shop.example\"\npassword-file = \"FOLDER/password\"",
            prepare: { try "\nsecret\n".write(toFile: $0.folder + "/password", atomically: true, encoding: .utf8) },
            code: 78, words: ["relay.conf:9:1: ", "the first line of", "is empty"]),
        FailedStart(
            description: "hash in part", lines: "PASSWORD-HASH", code: 78,
            words: ["relay.conf:", "password-hash: no password fits this"]),
        FailedStart(
            description: "user with a hash in part",
            lines: "[[listener]]\naddress = \"127.0.0.1:0\"\nauth-file = \"FOLDER/users\"",
            prepare: {
                try "ann:pbkdf2-sha256$200000$00\n".write(
                    toFile: $0.folder + "/users", atomically: true, encoding: .utf8)
            }, code: 78, words: ["relay.conf:", "/users:1:1: expected NAME:HASH"]),
        FailedStart(
            description: "authorities missing",
            prepare: { try FileManager.default.removeItem(atPath: $0.folder + "/ca.pem") },
            code: 78, words: ["relay.conf:7:1: ", "ca.pem"]),
        FailedStart(
            description: "key file that cannot be read",
            prepare: {
                try FileManager.default.createDirectory(
                    atPath: $0.folder + "/data/tracking.key", withIntermediateDirectories: true)
            }, code: 78, words: ["key file: cannot read", "tracking.key: Is a directory"]),
        FailedStart(
            description: "key file lost",
            prepare: {
                try FileManager.default.createDirectory(atPath: $0.folder + "/data", withIntermediateDirectories: true)
                _ = FileManager.default.createFile(atPath: $0.folder + "/data/events.journal", contents: nil)
            }, code: 78,
            words: ["tracking.key is missing", "put the file back from your copy", "tracerelay key add --new-file"]),
        FailedStart(
            description: "data directory that is a file",
            prepare: { _ = FileManager.default.createFile(atPath: $0.folder + "/data", contents: nil) }, code: 73,
            words: ["data-directory", "/data"]),
        FailedStart(
            description: "data directory below nothing",
            prepare: { try $0.edit("/data\"", "/a/b\"") }, code: 73,
            words: ["cannot make data-directory", "No such file"]),
        FailedStart(
            description: "queue that is no database",
            prepare: {
                try FileManager.default.createDirectory(atPath: $0.folder + "/data", withIntermediateDirectories: true)
                let key = "1 active 1 " + String(repeating: "ab", count: 32) + "\n"
                try key.write(toFile: $0.folder + "/data/tracking.key", atomically: true, encoding: .utf8)
                let garbage = Data(repeating: 0x41, count: 65_536)
                try garbage.write(to: URL(fileURLWithPath: $0.folder + "/data/queue.sqlite"))
            }, code: 73, words: ["not a database"], isChecked: false),
    ]
}

extension EndToEnd {
    /// Whatever is wrong at a start ends the process at once, with the right exit code and a sentence that names it; what
    /// serve refuses, check-config refuses too, in the same words.
    @Test(arguments: FailedStart.all)
    func aStartThatFailsSaysWhy(_ start: FailedStart) async throws {
        let lab = try await Lab(
            upstreamLines: start.upstreamLines, trackingLines: start.trackingLines,
            more: FailedStart.webLines[start.lines] == nil ? start.lines : "")
        try lab.edit("FOLDER", lab.folder)
        if let line = FailedStart.webLines[start.lines] { try lab.edit("[web]\n", "[web]\n\(line)\n") }
        try start.prepare(lab)
        if start.isChecked {
            let checked = try await lab.run("check-config", "--config", lab.folder + "/relay.conf")
            #expect(checked.status == 78)
            for word in start.words { #expect(checked.output.contains(word), "check-config: \(checked.output)") }
        }
        let ending = try await lab.run("serve", "--config", lab.folder + "/relay.conf")
        #expect(ending.status == start.code, "\(ending.output)")
        for word in start.words { #expect(ending.output.contains(word), "\(ending.output)") }
        #expect(!ending.output.contains("listening"))
    }

    /// A port that somebody else has, for each kind of listener; nothing else is served meanwhile.
    @Test(arguments: ["[[listener]] address", "[web] address", "[web] tracking-address"])
    func aTakenPortEndsTheStart(_ key: String) async throws {
        let other = try await FakeUpstream.start()
        let lab = try await Lab()
        let taken = "\"127.0.0.1:\(other.port)\""
        switch key {
        case "[[listener]] address":
            try lab.edit("[[listener]]\naddress = \"127.0.0.1:0\"", "[[listener]]\naddress = \(taken)")
        case "[web] address": try lab.edit("[web]\naddress = \"127.0.0.1:0\"", "[web]\naddress = \(taken)")
        default: try lab.edit("[web]\n", "[web]\ntracking-address = \(taken)\n")
        }
        let ending = try await lab.run("serve", "--config", lab.folder + "/relay.conf")
        #expect(ending.status == 69, "\(ending.output)")
        #expect(
            ending.output.contains(
                "cannot listen on 127.0.0.1:\(other.port) (\(key)): the port is taken; stop what listens there"),
            "\(ending.output)")
    }

    /// Web listeners share their port among threads (SO_REUSEPORT): with another relay's they must not.
    @Test func aPortIsSharedWithNoOtherRelay() async throws {
        let lab = try await Lab(), other = try await Lab()
        try await lab.start()
        try other.edit("[web]\naddress = \"127.0.0.1:0\"", "[web]\naddress = \"127.0.0.1:\(lab.web)\"")
        let ending = try await other.run("serve", "--config", other.folder + "/relay.conf")
        #expect(
            ending.status == 69 && ending.output.contains("([web] address): the port is taken"), "\(ending.output)")
    }

    @Test func aSecondRelayOnTheSameDataDirectoryLeaves() async throws {
        let lab = try await Lab()
        try await lab.start()
        let ending = try await lab.run("serve", "--config", lab.folder + "/relay.conf")
        #expect(ending.status == 75, "\(ending.output)")
        #expect(ending.output.contains(lab.folder + "/data"))
        #expect(try await lab.get("/readyz").hasSuffix("ok\n"))
    }

    /// Two first starts at once: whoever survives signs with the key that is in the file.
    @Test func twoFirstStartsMakeOneKey() async throws {
        for _ in 0..<4 {
            let lab = try await Lab()
            let path = lab.folder + "/data/tracking.key"
            let outputs = try await lab.startTwice()
            let keys = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter {
                !$0.hasPrefix("#")
            }
            #expect(keys.count == 1)
            // Whichever of them came first serves, and the other says why it does not.
            let both = outputs.joined()
            #expect(both.contains("listening http="), "\(both)")
            #expect(outputs.contains { $0.contains("is in use by another tracerelay") }, "\(both)")
            let left = try FileManager.default.contentsOfDirectory(atPath: lab.folder + "/data").filter {
                $0.contains(".new")
            }
            #expect(left.isEmpty)
        }
    }

    /// The lost key file is made anew only by whoever says so, and keys keep owner and mode of their file.
    @Test func keysAreMadeOnPurposeAndKeepTheirOwner() async throws {
        let lab = try await Lab()
        let configuration = lab.folder + "/relay.conf", path = lab.folder + "/data/tracking.key"
        try await lab.start()
        #expect(try await lab.stop() == 0)
        try FileManager.default.removeItem(atPath: path)
        let refused = try await lab.run("key", "add", "--config", configuration)
        #expect(refused.status == 78 && refused.output.contains("--new-file"))
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(
            try await lab.run("key", "add", "--new-file", "--config", configuration).output.hasPrefix("key 1 signs"))
        // Only root can give a file away.
        let owner: uid_t = geteuid() == 0 ? 12_345 : geteuid()
        #expect(chown(path, owner, gid_t(bitPattern: -1)) == 0 && chmod(path, 0o640) == 0)
        #expect(try await lab.run("key", "add", "--config", configuration).output.hasPrefix("key 2 signs"))
        var facts = stat()
        #expect(stat(path, &facts) == 0)
        #expect(facts.st_uid == owner && facts.st_mode & 0o777 == 0o640)
        #expect(try await lab.run("key", "retire", "1", "--config", configuration).status == 0)
        #expect(try await lab.run("key", "retire", "2", "--config", configuration).status == 64)
        let keys = try await lab.run("key", "list", "--config", configuration)
        #expect(keys.output.contains("1  retired") && keys.output.contains("2  active"))
    }
}
