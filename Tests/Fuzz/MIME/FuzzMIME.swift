import MailMessage
import Tracking

private struct Signature: TokenAuthenticating {
    func authenticationCode(for bytes: [UInt8]) -> [UInt8] {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return (0..<32).map { UInt8(truncatingIfNeeded: hash >> UInt64($0 % 8 * 8)) }
    }
}

private let transform: MessageTransform? = {
    let ring = KeyRing(keys: [TrackingKey(id: 1, secret: [1], created: 0, status: .active)])
    guard let codec = TokenCodec(ring: ring, authenticator: { _ in Signature() }), let tag = TagName("T"),
        let base = try? BaseURL("https://t.example.com"), let id = TrackingMessageID(bytes: Array(0..<10))
    else { return nil }
    var policy = TagPolicy(baseURL: base)
    policy.textLinks = true
    let decision = TrackingDecision(tag: tag, opens: true, clicks: true, policy: policy, keyID: 1)
    return MessageTransform(decision: decision, message: id, codec: codec)
}()

/// Laws of the MIME tree and of the whole transform: ranges stand inside the message and in order; no edit is the
/// identity; a mail that passes through has no edits, and never since the self-check finds the transform wrong; two
/// renderings are the same octets; what is converted to 7 bit has none of 8.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let message = Array(UnsafeBufferPointer(start: start, count: count))
    if let tree = try? MIMETree.parse(message) {
        for part in tree.parts {
            precondition(part.header.range.upperBound <= part.header.bodyStart && part.body.upperBound <= count)
            precondition(part.header.bodyStart <= part.body.lowerBound)
            for child in part.children { precondition(child > part.index && tree.parts[child].parent == part.index) }
        }
    }
    precondition(SpliceList().applied(to: message) == message)
    guard let transform else { return -1 }
    let wire = message.last == 0x0A ? message : message + [0x0D, 0x0A]
    let prepared = transform.prepare(wire)
    let (edits, outcome) = prepared.render(recipient: 3)
    if case .passedThrough(let reason, _) = outcome {
        precondition(edits.isEmpty && reason != .selfCheckFailed)
    }
    precondition(transform.prepare(wire).render(recipient: 3).edits == edits)
    if let converted = try? SevenBitConversion.convert(wire), let before = try? MIMETree.parse(wire) {
        guard let after = try? MIMETree.parse(converted) else { return 0 }
        precondition(after.parts.count == before.parts.count)
        for (old, new) in zip(before.parts, after.parts) where old.children.isEmpty && old.transferEncoding != .unknown
        {
            // The header fields of a message inside keep their 8-bit octets.
            guard !old.contentType.is("message", "rfc822") else { continue }
            precondition(!ByteSearch.hasHighOctets(converted, in: new.body))
        }
    }
    return 0
}
