import NIOCore
import NIOHTTP1

/// A hit as nearly every client sends it: one GET or HEAD without a body that came whole and alone. Whatever is unusual
/// is `nil` here and goes to the full parser; what is taken, both take for the same (a test compares them).
struct PlainRequest {
    let kind: HitKind
    let token: Substring.UTF8View
    let request: HitRequest
    let keepsAlive: Bool

    init?(_ buffer: ByteBuffer, prefixes: [String]) {
        guard buffer.readableBytes <= WebLimits.headerOctets else { return nil }
        let found = buffer.withUnsafeReadableBytes { Self.read($0, prefixes) }
        guard let found else { return nil }
        self = found
    }

    private init(kind: HitKind, token: Substring.UTF8View, request: HitRequest, keepsAlive: Bool) {
        self.kind = kind
        self.token = token
        self.request = request
        self.keepsAlive = keepsAlive
    }

    private static func read(_ octets: UnsafeRawBufferPointer, _ prefixes: [String]) -> PlainRequest? {
        var rest = octets[...]
        guard let line = takeLine(&rest) else { return nil }
        let isHead = line.starts(with: "HEAD /".utf8)
        guard isHead || line.starts(with: "GET /".utf8), line.count > 14,
            line.suffix(9).elementsEqual(" HTTP/1.1".utf8)
        else { return nil }
        let target = line.dropFirst(isHead ? 5 : 4).dropLast(9)
        guard target.count <= WebLimits.targetOctets, target.allSatisfy({ 0x21...0x7E ~= $0 }),
            let (kind, token) = HitPath.parse(String(decoding: target, as: UTF8.self), prefixes)
        else { return nil }
        var request = HitRequest(method: isHead ? .HEAD : .GET)
        var keepsAlive = true
        var (fields, hosts) = (0, 0)
        while let field = takeLine(&rest) {
            // The empty line ends it, and nothing may follow.
            if field.isEmpty {
                return rest.isEmpty && hosts == 1
                    ? PlainRequest(kind: kind, token: token, request: request, keepsAlive: keepsAlive) : nil
            }
            fields += 1
            guard fields <= WebLimits.headerFields, take(field, &request, &keepsAlive, &hosts) else { return nil }
        }
        return nil
    }

    /// A line that ends in CRLF and holds neither.
    private static func takeLine(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer>? {
        guard let end = rest.firstIndex(where: { $0 == 0x0D || $0 == 0x0A }), rest[end] == 0x0D,
            end + 1 < rest.endIndex, rest[end + 1] == 0x0A
        else { return nil }
        defer { rest = rest[(end + 2)...] }
        return rest[..<end]
    }

    /// - Returns: whether the field is one that this reads.
    private static func take(
        _ line: Slice<UnsafeRawBufferPointer>, _ request: inout HitRequest, _ keepsAlive: inout Bool, _ hosts: inout Int
    ) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isToken)
        else { return false }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value = value.dropFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value = value.dropLast() }
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return false }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        switch name.utf8.count {
        case 4 where name.isSame("host"):
            hosts += 1
            guard RequestHeadCheck.isHost(value) else { return false }
        case 10 where name.isSame("connection"):
            let word = String(decoding: value, as: UTF8.self).lowercased()
            guard word == "close" || word == "keep-alive" else { return false }
            keepsAlive = keepsAlive && word != "close"
        case 14 where name.isSame("content-length"), 17 where name.isSame("transfer-encoding"),
            6 where name.isSame("expect"), 7 where name.isSame("upgrade"):
            return false
        default: request.take(name, String(decoding: value, as: UTF8.self))
        }
        return true
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
