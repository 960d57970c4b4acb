import Foundation
import MailMessage
import Testing
import Tracking

@testable import Relay
@testable import RelayConfiguration

/// A directory per case: `message.eml` and, where the built-in policy is not meant, `policy.conf`, `sender`, and `denied`
/// where the recipient is on the deny list; `about.txt`
/// says what must happen and why. `expected.txt` is the explanation and `expected.eml` what goes upstream, octet by octet.
///
/// `add-case.sh` adds a case; `TRACERELAY_CORPUS=update swift test --filter Corpus` writes what is expected anew, to be
/// read in the diff before it is committed.
private enum Corpus {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Cases")
    static let isUpdating = ProcessInfo.processInfo.environment["TRACERELAY_CORPUS"] == "update"
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()

    static let base = """
        data-directory = "/nonexistent"
        [upstream.default]
        address = "127.0.0.1:9"
        tls = "none"
        [tracking]
        base-url = "https://track.example.com"

        """

    static func read(_ name: String, _ file: String) -> [UInt8]? {
        FileManager.default.contents(atPath: folder.appendingPathComponent("\(name)/\(file)").path).map(Array.init)
    }

    static func write(_ bytes: some Sequence<UInt8>, _ name: String, _ file: String) throws {
        try Data(bytes).write(to: folder.appendingPathComponent("\(name)/\(file)"))
    }

    static func explain(_ name: String) throws -> Explanation {
        let message = try #require(read(name, "message.eml"))
        let policy = read(name, "policy.conf").map { String(decoding: $0, as: UTF8.self) } ?? "[tag.Test]\n"
        var settings = try ConfigurationLoader.parse(base + policy, file: "policy.conf")
        settings.policies.keyID = 1
        let secret = (0..<32).map { UInt8($0) }
        let ring = KeyRing(keys: [TrackingKey(id: 1, secret: secret, created: 0, status: .active)])
        let explainer = try Explainer(
            policies: settings.policies, ring: ring, hostname: "relay.example.com", tag: nil)
        let sender = read(name, "sender").map { String(decoding: $0, as: UTF8.self) } ?? "news@shop.example"
        let id = try #require(TrackingMessageID(bytes: (0..<10).map { UInt8($0) }))
        return explainer.explain(
            LineEnds.normalizedToCRLF(message), recipient: 0,
            Explainer.Circumstances(
                isDenied: read(name, "denied") != nil, sender: sender.trimmingCharacters(in: .whitespacesAndNewlines),
                message: id,
                arrival: 1_795_000_000_000, recipientDomains: ["customer.example"]))
    }
}

@Suite struct CorpusTests {
    @Test func thereAreCases() { #expect(Corpus.names.count >= 150) }

    @Test(arguments: Corpus.names)
    func everyCaseComesOutAsItWasReviewed(_ name: String) throws {
        let explanation = try Corpus.explain(name)
        let text = Array((explanation.text + "\n").utf8)
        if Corpus.isUpdating {
            try Corpus.write(text, name, "expected.txt")
            return try Corpus.write(explanation.output, name, "expected.eml")
        }
        #expect(
            String(decoding: text, as: UTF8.self)
                == Corpus.read(name, "expected.txt").map { String(decoding: $0, as: UTF8.self) })
        #expect(
            explanation.output == Corpus.read(name, "expected.eml"),
            "\(name): other octets; see them with TRACERELAY_CORPUS=update and git diff")
    }

    /// Each reason stands in the corpus, so that each has been looked at.
    @Test func everyReasonHasACase() {
        let all = Corpus.names.compactMap { Corpus.read($0, "expected.txt") }.map {
            String(decoding: $0, as: UTF8.self)
        }
        let joined = all.joined(separator: "\n")
        for reason in LinkReason.allCases { #expect(joined.contains(reason.sentence), "\(reason)") }
        let beyondAFile: Set<PassThroughReason> = [.noKey, .selfCheckFailed, .htmlTooLarge, .tooLargeForUpstream]
        for reason in PassThroughReason.allCases where !beyondAFile.contains(reason) {
            #expect(joined.contains("\(reason.rawValue): "), "\(reason)")
        }
    }
}
