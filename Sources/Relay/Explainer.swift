import MailMessage
import MessageQueue
import OpenSSLBridge
public import RelayConfiguration
import SMTPProtocol
import SMTPTransport
public import Tracking

/// What would be done to a mail.
public struct Explanation: Sendable, Encodable {
    /// `tracked`, `left to the upstream`, `passed-through`, `untracked` or `rejected`.
    public let verdict: String
    /// Why.
    public let reason: String
    /// The tag.
    public let tag: String
    /// What was found and done, part by part and link by link.
    public let report: TransformReport?
    /// The mail as it came, with CRLF line ends.
    public let original: [UInt8]
    /// What would be sent; empty for a refused mail.
    public let output: [UInt8]

    private enum CodingKeys: String, CodingKey { case verdict, reason, tag, report }

    /// The explanation for people.
    public var text: String {
        var lines = ["  \(verdict)\(tag.isEmpty ? "" : " under tag \(tag)")\(reason.isEmpty ? "" : ": \(reason)")"]
        for part in report?.parts ?? [] {
            let charset = part.charset.map { ", charset \($0)" } ?? ""
            let encoding = EscapedText.escape(part.transferEncoding.utf8, limit: 40)
            lines.append("  part \(part.path) \(part.contentType)\(charset), \(encoding)")
            if let form = part.rewrittenAs { lines.append("    rewritten as \(form)") }
            for link in part.links {
                let fate =
                    link.number.map { "tracked as link \($0)" } ?? link.reason.map { "left alone: \($0.sentence)" }
                    ?? ""
                lines.append("    <\(link.element)> \(EscapedText.escape(link.url.utf8, limit: 200))  \(fate)")
            }
            if let pixel = part.pixel { lines.append("    pixel at the \(pixel)") }
        }
        for repair in report?.repairs ?? [] { lines.append("  repaired: \(repair)") }
        for warning in report?.warnings ?? [] { lines.append("  warning: \(warning)") }
        return lines.joined(separator: "\n")
    }
}

/// Runs decision and transform on a mail without sending it.
public struct Explainer: Sendable {
    private let policies: TrackingPolicies
    private let codec: TokenCodec
    private let hostname: String
    private let tag: TagName?

    /// What a mail comes with besides its content.
    struct Circumstances {
        var isDenied = false
        var sender: String
        var message: TrackingMessageID
        /// Milliseconds since 1970.
        var arrival: Int64
        var listener = "127.0.0.1:2525"
        var recipientDomains: [String] = []
    }

    /// An explainer under a configuration, or under the built-in policy with a key made for this run.
    /// - Parameter tag: track under this tag, whatever the mail says.
    /// - Throws: where the key file or the tag cannot be used.
    public init(settings: RelaySettings?, tag: String?) throws {
        guard let name = tag.map({ TagName($0) }) ?? .some(nil) else {
            throw StartFailure("a tag is 1 to 128 letters, digits, \"_\" and \"-\"", exitCode: 64)
        }
        var ring = KeyRing(keys: [])
        if let settings {
            ring = try TrackingKeys.load(settings.keyFile)
        } else {
            _ = try TrackingKeys.add(to: &ring)
        }
        let builtIn = TrackingPolicies(defaults: TagPolicy(baseURL: try BaseURL("https://track.example.com")))
        try self.init(
            policies: settings?.policies ?? builtIn, ring: ring, hostname: settings?.hostname ?? "localhost", tag: name)
    }

    init(policies: TrackingPolicies, ring: KeyRing, hostname: String, tag: TagName?) throws {
        self.policies = policies
        self.hostname = hostname
        self.tag = tag
        codec = try TrackingKeys.codec(ring)
    }

    /// Explains one mail; line ends become CRLF first, as on the wire.
    public func explain(_ raw: [UInt8], recipient: Int) -> Explanation {
        var generator = SystemRandomNumberGenerator()
        let now = SystemClock.now()
        return explain(
            LineEnds.normalizedToCRLF(raw), recipient: recipient,
            Circumstances(
                sender: "sender@\(hostname)", message: TrackingMessageID(time: now, using: &generator), arrival: now))
    }

    func explain(_ message: [UInt8], recipient: Int, _ circumstances: Circumstances) -> Explanation {
        let header: HeaderSection
        do {
            header = try HeaderSection.parse(message, in: message.indices, looseBase64Continuation: [TraceHeader.name])
        } catch {
            return Explanation(
                verdict: "rejected", reason: "552 5.3.4 The header section is too large", tag: "", report: nil,
                original: message, output: [])
        }
        var facts = MessageFacts(header, in: message, names: policies.neededHeaderNames)
        facts.envelopeSender = circumstances.sender
        facts.listener = circumstances.listener
        facts.client = IPAddress("127.0.0.1")
        facts.recipientDomains = circumstances.recipientDomains
        let verdict = verdict(facts)
        var new = NewMessage(
            arrival: circumstances.arrival, upstream: "default", reversePath: facts.envelopeSender, recipients: [],
            octets: message.count)
        var note = MessageNote(message: circumstances.message)
        note.client = "127.0.0.1"
        if case .track(let decision) = verdict { new.decision = decision.encoded() }
        new.note = note.encoded
        let queued = QueuedMessage(new, id: QueueID(rawValue: new.arrival << 21), expires: 0)
        guard let mail = try? OutgoingMail(queued, original: message, hostname: hostname, codec: codec) else {
            preconditionFailure("a decision of this version reads itself back")
        }
        let (content, _, outcome) = mail.render(recipient: recipient, isDenied: circumstances.isDenied)
        return explanation(verdict, outcome, message, content.pieces.flatMap { $0 })
    }

    private func verdict(_ facts: MessageFacts) -> TraceVerdict {
        var policies = policies
        policies.keyID = codec.signingKey
        if let tag {
            let policy = policies.tags[tag] ?? policies.defaults
            return .track(
                TrackingDecision(tag: tag, opens: true, clicks: true, policy: policy, keyID: codec.signingKey))
        }
        // Without a configuration every tag exists: the built-in policy explains the mail.
        if policies.tags.isEmpty, let field = facts.traceField, case .success(let request) = TraceHeader.parse(field),
            let name = TagName(request.tagName)
        {
            policies.tags[name] = policies.defaults
        }
        return policies.decide(facts)
    }

    private func explanation(
        _ verdict: TraceVerdict, _ outcome: TransformOutcome?, _ original: [UInt8], _ output: [UInt8]
    ) -> Explanation {
        switch (verdict, outcome) {
        case (.reject(let code, let enhanced, let text, _), _):
            Explanation(
                verdict: "rejected", reason: "\(code) \(enhanced) \(text)", tag: "", report: nil, original: original,
                output: [])
        case (.untracked(let reason, let detail, _), _):
            Explanation(
                verdict: "untracked", reason: reason.rawValue + (detail.isEmpty ? "" : ": \(detail)"), tag: "",
                report: nil, original: original, output: output)
        case (.track(let decision), .passedThrough(let reason, let report)?):
            Explanation(
                verdict: "passed-through", reason: "\(reason.rawValue): \(reason.sentence)",
                tag: decision.tag.description, report: report, original: original, output: output)
        case (.track(let decision), _):
            Explanation(
                verdict: decision.mode == .upstream ? "left to the upstream" : "tracked", reason: "",
                tag: decision.tag.description, report: outcome?.report, original: original, output: output)
        }
    }
}

/// What the demo shows of a mail that arrived.
public enum OutgoingPreview {
    /// Addresses of tracked links and pixels in the decoded text parts.
    public static func links(in message: [UInt8]) -> [String] {
        guard let tree = try? MIMETree.parse(message) else { return [] }
        return tree.parts.filter { $0.children.isEmpty && $0.contentType.type == "text" }.flatMap { part -> [String] in
            let text =
                part.transferEncoding == .quotedPrintable
                ? QuotedPrintable.decode(message, in: part.body).bytes : Array(message[part.body])
            let words = String(decoding: text, as: UTF8.self).split { "\"'<> \r\n".contains($0) }
            return words.filter { $0.contains("/c/") || $0.contains("/o/") }.filter { $0.hasPrefix("http") }.map(
                String.init)
        }
    }
}

/// A line for an auth-file.
public enum PasswordLine {
    /// The hash of a password.
    /// - Throws: where there is no randomness.
    public static func make(_ password: String) throws -> String { try PasswordHash.make(Array(password.utf8)) }
}
