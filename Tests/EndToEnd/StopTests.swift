import FakeUpstream
import Foundation
import Glibc
import TestSupport
import Testing
import Tracking

extension EndToEnd {
    /// SIGTERM does not wait for a silent upstream beyond the drain; what was under way is still queued and goes out later.
    @Test func aStopWaitsNoLongerThanTheDrain() async throws {
        var settings = FakeUpstream.Settings()
        settings.script = try FaultScript([Fault(at: "content", action: .delay, milliseconds: 600_000, times: 1)])
        let lab = try await Lab(settings, more: "[limits]\ndrain = \"1s\"")
        try await lab.start()
        #expect(await lab.client().send("Subject: x\n\nx\n") == [250])
        try await lab.waitForUpstreamConnection()
        #expect(try await lab.stop() == 0)
        // The drain of this relay, not another.
        #expect(lab.log.contains("stays queued drain=\"1.0 seconds\""), "\(lab.log)")
        let queue = try await lab.run("queue", "list", "--config", lab.folder + "/relay.conf")
        #expect(queue.output.contains("1 in the queue"), "\(queue.output)")
        try await lab.start()
        #expect(await lab.delivers(1))
    }

    /// A second signal ends the process at once.
    @Test func aSecondSignalStopsAtOnce() async throws {
        var settings = FakeUpstream.Settings()
        settings.script = try FaultScript([Fault(at: "content", action: .delay, milliseconds: 600_000, times: 1)])
        let lab = try await Lab(settings, more: "[limits]\ndrain = \"25s\"")
        try await lab.start()
        #expect(await lab.client().send("Subject: x\n\nx\n") == [250])
        try await lab.waitForUpstreamConnection()
        lab.signal(SIGTERM)
        try await lab.waitForLog("stopping")
        lab.signal(SIGTERM)
        #expect(try await lab.waitForEnd() == 143)
        #expect(lab.log.contains("second signal: stopping at once"))
    }

    /// A stop that hangs in the stores, here because somebody else holds the queue's database, ends four seconds behind
    /// the drain all the same.
    @Test func aStopThatHangsIsEnded() async throws {
        var settings = FakeUpstream.Settings()
        settings.script = try FaultScript([Fault(at: "content", action: .delay, milliseconds: 600_000, times: 1)])
        let lab = try await Lab(settings, more: "[limits]\ndrain = \"0s\"")
        try await lab.start()
        #expect(await lab.client().send("Subject: x\n\nx\n") == [250])
        try await lab.waitForUpstreamConnection()
        // What is cut off has an outcome, which cannot be written.
        let lock = try WriteLock(lab.folder + "/data/queue.sqlite-shm")
        lab.signal(SIGTERM)
        #expect(try await lab.waitForEnd() == 143, "\(lab.log)")
        #expect(lab.log.contains("the stop takes too long: ending; what is not through stays queued"))
        lock.release()
        // On a busy machine the first attempt may have ended in front of its content: the fault is then still to come.
        lab.upstream.script.clear()
        try await lab.start()
        #expect(await lab.delivers(1), "\(lab.log)")
    }

    /// SIGHUP, which many send to have files read anew, ends nothing.
    @Test func aHangUpIsSurvivedAndTold() async throws {
        let lab = try await Lab()
        try await lab.start()
        lab.signal(SIGHUP)
        try await lab.waitForLog("SIGHUP does nothing")
        #expect(await lab.client().send("Subject: x\n\nx\n") == [250])
        #expect(try await lab.stop() == 0)
    }

    /// Who is connected and does nothing is sent away with 421 and does not hold up the stop.
    @Test func anIdleSessionIsSentAwayAtAStop() async throws {
        let lab = try await Lab()
        try await lab.start()
        let heard = try await RawClient.talk(lab.smtp) { client in
            let banner = try client.hear(until: "\r\n")
            lab.signal(SIGTERM)
            return (banner, try client.hearAll())
        }
        #expect(heard.0.hasPrefix("220 ") && heard.1.hasPrefix("421 "))
        #expect(heard.1.split(separator: "\r\n").count == 1)
        #expect(try await lab.waitForEnd() == 0)
        #expect(!lab.log.contains("drain time is over"))
    }

    /// A pipe that nobody reads holds up neither mail nor links; what was logged meanwhile is there when it is read.
    @Test func aLogNobodyReadsStopsNothing() async throws {
        let lab = try await Lab()
        let pipe = Pipe()
        // F_SETPIPE_SZ, to a page: the smallest there is.
        let capacity = fcntl(pipe.fileHandleForWriting.fileDescriptor, 1_031, 4_096)
        #expect(capacity > 0)
        try await lab.start(log: pipe.fileHandleForWriting)
        let client = lab.client()
        for number in 0..<60 { #expect(await client.send("Subject: \(number)\n\nx\n") == [250]) }
        #expect(await lab.delivers(60))
        #expect(try await lab.get("/livez").hasSuffix("ok\n"))
        lab.signal(SIGTERM)
        try pipe.fileHandleForWriting.close()
        let read = try await onOwnThread { pipe.fileHandleForReading.readDataToEndOfFile() }
        let text = String(decoding: read, as: UTF8.self)
        #expect(try await lab.waitForEnd() == 0)
        #expect(text.matches(of: /status=sent/).count == 60)
        #expect(text.contains("stopped"))
    }

    /// A deny list that cannot be read any more, or was emptied, stays in force, and metrics say so until it is mended.
    @Test func aListThatGoesAwayStaysInForce() async throws {
        let lab = try await Lab(trackingLines: "deny-list-file = \"FOLDER/deny\"")
        try lab.edit("FOLDER", lab.folder)
        let path = lab.folder + "/deny"
        try "eve@c.example\r\nann@customer.example\r\n".write(toFile: path, atomically: true, encoding: .utf8)
        try await lab.start()
        func expectTrouble(_ trouble: Bool) async throws {
            try await lab.waitForPage("/metrics") {
                $0.contains("list_file_trouble{file=\"deny-list-file\"} \(trouble ? 1 : 0)\n")
            }
        }
        try await expectTrouble(false)
        for step in 0..<3 {
            switch step {
            case 0: try FileManager.default.removeItem(atPath: path)
            case 1: _ = FileManager.default.createFile(atPath: path, contents: nil)
            default: try "ann\n".write(toFile: path, atomically: true, encoding: .utf8)
            }
            try await lab.waitForLog(["cannot read", "is empty now", "deny:1: expected an address"][step])
            try await expectTrouble(true)
            #expect(await lab.client().send(asked) == [250])
            #expect(await lab.delivers(step + 1))
        }
        #expect(lab.upstream.messages.allSatisfy { !String(decoding: $0.content, as: UTF8.self).contains("/o/") })
        // A comment says that it is meant.
        try "# nobody\n".write(toFile: path, atomically: true, encoding: .utf8)
        try await expectTrouble(false)
        #expect(await lab.client().send(asked) == [250])
        #expect(await lab.delivers(4))
        #expect(String(decoding: try #require(lab.upstream.messages.last).content, as: UTF8.self).contains("/o/"))
    }
}

private let asked =
    "Subject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=UTF-8\nX-AliDM-Trace: "
    + String(decoding: TraceHeader.encode(TraceRequest(tagName: "Test", opens: true, clicks: true)), as: UTF8.self)
    + "\n\n<html><body><p>x</p></body></html>\n"

/// The lock that whoever writes a database holds (SQLite's WAL_WRITE_LOCK), as another process would hold it.
private final class WriteLock {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR)
        var lock = Glibc.flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 120, l_len: 1, l_pid: 0)
        try #require(fcntl(descriptor, F_SETLK, &lock) == 0)
    }

    /// Closing takes the lock away.
    func release() { close(descriptor) }
}
