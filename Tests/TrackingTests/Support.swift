import MailMessage
import Testing
import Tracking

/// Not a MAC: a keyed checksum, enough to see which bytes are covered.
struct Checksum: TokenAuthenticating {
    let secret: [UInt8]
    func authenticationCode(for bytes: [UInt8]) -> [UInt8] {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        var code: [UInt8] = []
        for round in 0..<32 {
            for byte in secret + bytes + [UInt8(round)] { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
            code.append(UInt8(truncatingIfNeeded: state >> 32))
        }
        return code
    }
}

func makeCodec() throws -> TokenCodec {
    var ring = KeyRing(keys: [])
    _ = ring.add(secret: [UInt8](repeating: 7, count: 32), created: 1)
    return try #require(TokenCodec(ring: ring) { Checksum(secret: $0) })
}

/// A decision under the built-in policy, changed by `change`.
func makeDecision(
    baseURL: String = "https://t.example.com", opens: Bool = true, clicks: Bool = true,
    _ change: (inout TagPolicy) -> Void = { _ in }
) throws -> TrackingDecision {
    var policy = TagPolicy(baseURL: try BaseURL(baseURL))
    change(&policy)
    let tag = try #require(TagName("Test"))
    return TrackingDecision(tag: tag, opens: opens, clicks: clicks, policy: policy, keyID: 1)
}

/// A message under a decision, for one recipient.
struct Rendered {
    let output: [UInt8]
    let outcome: TransformOutcome
    let codec: TokenCodec

    init(_ message: [UInt8], _ decision: TrackingDecision, recipient: Int = 0) throws {
        codec = try makeCodec()
        let id = try #require(TrackingMessageID(bytes: Array(0..<10)))
        let (edits, outcome) = MessageTransform(decision: decision, message: id, codec: codec)
            .prepare(message).render(recipient: recipient)
        output = edits.applied(to: message)
        self.outcome = outcome
    }

    init(_ message: String, _ decision: TrackingDecision, recipient: Int = 0) throws {
        try self.init(
            Array(message.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n").utf8), decision,
            recipient: recipient)
    }

    /// The decoded text of the first leaf of this type.
    func text(_ type: String = "html") throws -> String {
        let tree = try MIMETree.parse(output)
        let part = try #require(tree.parts.first { $0.contentType.is("text", type) })
        let body =
            part.transferEncoding == .quotedPrintable
            ? QuotedPrintable.decode(output, in: part.body).bytes
            : part.transferEncoding == .base64 ? Base64.decode(output, in: part.body).bytes : Array(output[part.body])
        return String(decoding: body, as: UTF8.self)
    }

    /// The targets of the tracked links, in order.
    func targets(_ type: String = "html") throws -> [String] {
        try text(type).split(separator: "https://t.example.com/c/").dropFirst().map { piece in
            let token = piece.prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
            let (opened, _) = try #require(codec.open(Array(token.utf8), kind: .click))
            guard case .click(_, let target) = opened.content else { return "" }
            return String(decoding: target, as: UTF8.self)
        }
    }

    var reason: PassThroughReason? {
        if case .passedThrough(let reason, _) = outcome { return reason }
        return nil
    }
}
