import MailMessage
import Tracking

private struct Signature: TokenAuthenticating {
    func authenticationCode(for bytes: [UInt8]) -> [UInt8] {
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        return (0..<32).map { UInt8(truncatingIfNeeded: hash >> UInt64($0 % 8 * 8)) }
    }
}

private let codec = TokenCodec(
    ring: KeyRing(keys: [TrackingKey(id: 1, secret: [1], created: 0, status: .active)]),
    authenticator: { _ in Signature() })

/// Laws of tokens: what opens is written back to the same text; a token of one kind never opens as the other; any target
/// survives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    guard let codec, let id = TrackingMessageID(bytes: Array(0..<10)) else { return -1 }
    // The text as it comes, and with a code that fits, so that what is behind the code is reached too.
    let signed = Base64.encodeURL(
        bytes + Signature().authenticationCode(for: [TokenKind.click.rawValue] + bytes).prefix(16))
    for text in [bytes, signed] {
        guard let opened = codec.open(text, kind: .click) else { continue }
        precondition(
            codec.encode(opened.token, key: opened.key).map { codec.open($0, kind: .click)?.token } == opened.token)
        precondition(codec.open(text, kind: .open) == nil)
    }
    guard !bytes.isEmpty, count < 1_500 else { return 0 }
    let token = Token(message: id, recipient: count, content: .click(number: count, target: bytes))
    guard let text = codec.encode(token, key: 1), let opened = codec.open(text, kind: .click) else {
        preconditionFailure("a token does not open")
    }
    precondition(opened.token == token)
    _ = try? KeyRing(parsing: String(decoding: bytes, as: UTF8.self))
    return 0
}
