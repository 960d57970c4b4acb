import FakeUpstream
import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// Whoever takes all descriptors gets no more than that: the relay waits for the next, costs nothing meanwhile, and
    /// goes on where it was as soon as there are some.
    @Test func withoutDescriptorsItWaitsAndGoesOn() async throws {
        let lab = try await Lab(more: "[limits]\nconnections-per-client = 1000")
        try await lab.start(through: ["/bin/bash", "-c", "ulimit -n 160; exec \"$0\" \"$@\""])
        #expect(lab.log.contains("open files, and this process may have 160: raise LimitNOFILE"))
        var clients: [RawClient] = []
        for _ in 0..<200 { clients.append(try await onOwnThread { [port = lab.smtp] in try RawClient(port: port) }) }
        // So many that none is left: some of them are greeted and the others are not.
        #expect(try await eventually { lab.openFiles >= 160 })
        try await waitForQuiet(lab)
        #expect(lab.openFiles >= 160)
        clients.removeAll()
        #expect(try await eventually { lab.openFiles < 100 })
        #expect(await lab.client().send("Subject: x\n\nx\n") == [250])
        #expect(await lab.delivers(1))
        #expect(try await lab.get("/readyz").hasSuffix("ok\n"))
    }

    /// Waits until it costs next to nothing: a listener that asks again and again takes all that there is.
    private func waitForQuiet(_ lab: Lab) async throws {
        let isQuiet = try await eventually {
            let begin = lab.processorTime
            // What is measured is a time.
            try await Task.sleep(for: .seconds(1))
            return lab.processorTime - begin <= 0.05
        }
        try #require(isQuiet, "it is never quiet")
    }
}

extension Lab {
    /// Files and sockets that the relay has open.
    fileprivate var openFiles: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(processIdentifier)/fd").count) ?? 0
    }

    /// Seconds of processor time that the relay has had (proc_pid_stat(5)).
    fileprivate var processorTime: Double {
        let text = (try? String(contentsOfFile: "/proc/\(processIdentifier)/stat", encoding: .utf8)) ?? ""
        let fields = text.split(separator: ")").last?.split(separator: " ").compactMap { Double($0) } ?? []
        // Behind the state, which is no number: 10 more to utime and stime.
        return fields.count > 11 ? (fields[10] + fields[11]) / Double(sysconf(Int32(_SC_CLK_TCK))) : 0
    }
}
