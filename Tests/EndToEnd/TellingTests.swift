import FakeUpstream
import Foundation
import SMTPTransport
import Testing

extension EndToEnd {
    /// Killed while no event could be written: what became of mail is known all the same, once.
    @Test func whatBecameOfMailSurvivesSIGKILL() async throws {
        let lab = try await Lab(trackingLines: "keep-subject = true")
        let journal = lab.folder + "/data/events.journal"
        // Its keys and files are there.
        try await lab.start()
        #expect(try await lab.stop() == 0)
        // A folder in the journal's place: it cannot be opened, and the events wait in memory.
        try FileManager.default.removeItem(atPath: journal)
        try FileManager.default.createDirectory(atPath: journal, withIntermediateDirectories: true)
        try await lab.start()
        let client = lab.client()
        #expect(await client.send("Subject: kept by the queue\n\nbody\n") == [250])
        try await lab.waitForLog("status=sent")
        try await lab.waitForLog("removed")
        try await lab.killHard()
        await client.close()
        try FileManager.default.removeItem(atPath: journal)
        for _ in 0..<2 {
            try await lab.start()
            let page = try await lab.waitForPage("/api/v1/messages") { $0.contains("kept by the queue") }
            #expect(page.ranges(of: "kept by the queue").count == 1)
            #expect(try await lab.stop() == 0)
            let events = try await lab.run("events", "--config", lab.folder + "/relay.conf")
            #expect(events.output.ranges(of: "  sent  ").count == 1, "\(events.output)")
        }
    }
}
