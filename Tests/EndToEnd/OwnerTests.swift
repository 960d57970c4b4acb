import FakeUpstream
import Foundation
import Glibc
import Testing

/// Whether this may give files away and take rights from a process.
private let isRoot = geteuid() == 0
/// Ports below it need a right of their own.
private let firstFreePort =
    (try? String(contentsOfFile: "/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding: .utf8))
    .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) } ?? 1_024

extension EndToEnd {
    /// What root does in the service's directory leaves nothing there that the service's user could not open.
    @Test(.enabled(if: isRoot, "only root can give files away"))
    func whatRootMakesBelongsToTheService() async throws {
        let lab = try await Lab()
        let data = lab.folder + "/data", configuration = lab.folder + "/relay.conf"
        let commands = [
            ["events", "reclassify"], ["events", "erase", "a@b.test"], ["events", "export", "a@b.test"], ["events"],
            ["report"], ["queue", "list"],
        ]
        // Where there is nothing yet, nothing is made.
        for command in commands + [["check-config"], ["key", "list"], ["console"], ["events", "import", "/dev/null"]] {
            _ = try await Command.run(command + ["--config", configuration])
            #expect(!FileManager.default.fileExists(atPath: data), "\(command)")
        }
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        #expect(chown(data, 12_345, 12_346) == 0)
        for command in [["key", "add", "--new-file"], ["key", "add"], ["events", "import", "/dev/null"]] + commands {
            _ = try await Command.run(command + ["--config", configuration])
            try expectOwner(data)
        }
        // Somebody who starts the service by hand does not lock the service out.
        try lab.edit("http://127.0.0.1:8025", "https://track.example.com")
        try await lab.start()
        #expect(await lab.client().send("Subject: x\n\nx\n") == [250])
        #expect(await lab.upstream.wait(for: 1))
        try expectOwner(data)
        #expect(try await lab.stop() == 0)
        try expectOwner(data)
        let names = try FileManager.default.subpathsOfDirectory(atPath: data)
        for name in ["tracking.key", "console-key", "queue.sqlite", "queue.lock", "events.sqlite", "events.journal"] {
            #expect(names.contains(name))
        }
        #expect(names.contains { $0.hasPrefix("segments/") })
    }

    private func expectOwner(_ directory: String) throws {
        for name in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            var facts = stat()
            // A file that SQLite needs for a moment may be gone again.
            guard lstat("\(directory)/\(name)", &facts) == 0 else { continue }
            #expect(facts.st_uid == 12_345 && facts.st_gid == 12_346, "\(name)")
            #expect(facts.st_mode & 0o077 == 0, "\(name)")
        }
    }

    /// Ports below 1024 without the right to them: the sentence names it.
    @Test(.enabled(if: firstFreePort > 587, "every port is free here"), arguments: ["[[listener]]", "[web]"])
    func aPortWithoutTheRightToItEndsTheStart(_ section: String) async throws {
        let lab = try await Lab()
        try lab.edit("\(section)\naddress = \"127.0.0.1:0\"", "\(section)\naddress = \"127.0.0.1:587\"")
        let wrapper = ["/usr/bin/setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
        let ending = try await lab.run(
            "serve", "--config", lab.folder + "/relay.conf", through: isRoot ? wrapper : [])
        #expect(ending.status == 77, "\(ending.output)")
        #expect(
            ending.output.contains("cannot listen on 127.0.0.1:587 (\(section) address): ports below 1024 need"),
            "\(ending.output)")
        #expect(ending.output.contains("CAP_NET_BIND_SERVICE"))
    }
}
