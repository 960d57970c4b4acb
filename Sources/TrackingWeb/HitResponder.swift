import HTTPTypes
import Hummingbird
import NIOCore
public import Tracking
public import TrackingEvents

/// What the tracking host needs: keys, and a place for hits. No database: a link works with the key alone.
public struct HitResponder: Sendable {
    private let codec: TokenCodec
    private let sink: any EventSink
    private let trustedProxies: [IPNetwork]
    private let now: @Sendable () -> Int64

    /// Longest path that is looked at.
    private static let maximumPathOctets = 8_192
    /// Octets of a user agent that are kept.
    private static let maximumAgentOctets = 300

    /// The smallest GIF there is: one transparent pixel, 43 octets.
    static let gif: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF,
        0xFF, 0x21, 0xF9,
        0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02,
        0x44, 0x01, 0x00,
        0x3B,
    ]

    /// The page for everything that is not there; the same octets whatever the reason.
    static let notFound = """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Not found</title><p>There is nothing at this address.</p></html>

        """

    /// A responder.
    /// - Parameter now: milliseconds since 1970.
    public init(
        codec: TokenCodec, sink: any EventSink, trustedProxies: [IPNetwork], now: @escaping @Sendable () -> Int64
    ) {
        self.codec = codec
        self.sink = sink
        self.trustedProxies = trustedProxies
        self.now = now
    }

    /// `/o/{token}.gif`: the pixel, never an error page for a mail client.
    func pixel(_ name: Substring, _ request: Request, from peer: String) -> Response {
        let text = name.hasSuffix(".gif") ? name.dropLast(4) : name
        let opened = text.utf8.count <= Self.maximumPathOctets ? codec.open(Array(text.utf8), kind: .open) : nil
        if let opened { record(opened.token, request, peer, target: nil) }
        var response = Self.response(opened == nil ? .notFound : .ok, "image/gif", Self.gif, request)
        response.headers[.cacheControl] = "no-store, private"
        return response
    }

    /// `/c/{token}`: 302 to the target, or the neutral page.
    func redirect(_ text: Substring, _ request: Request, from peer: String) -> Response {
        guard text.utf8.count <= Self.maximumPathOctets, let opened = codec.open(Array(text.utf8), kind: .click),
            case .click(_, let target) = opened.token.content
        else { return Self.neutral(request) }
        record(opened.token, request, peer, target: target)
        var response = Self.response(.found, nil, [], request)
        response.headers[.location] = Self.location(target)
        response.headers[.cacheControl] = "no-store, private"
        response.headers[HTTPField.Name.referrerPolicy] = "no-referrer"
        return response
    }

    static func neutral(_ request: Request) -> Response {
        var response = response(.notFound, "text/html; charset=utf-8", Array(notFound.utf8), request)
        response.headers[.cacheControl] = "no-store, private"
        return response
    }

    private static func response(
        _ status: HTTPResponse.Status, _ type: String?, _ body: [UInt8], _ request: Request
    ) -> Response {
        var headers = HTTPFields()
        if let type { headers[.contentType] = type }
        headers[HTTPField.Name.robotsTag] = "noindex"
        guard request.method == .head else {
            return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
        headers[.contentLength] = String(body.count)
        return Response(status: status, headers: headers)
    }

    /// The target as a header can carry it and a browser would request it: octets outside printable ASCII are
    /// percent-encoded, all others stand as they are.
    static func location(_ target: [UInt8]) -> String {
        guard !target.allSatisfy({ 0x21...0x7E ~= $0 }) else { return String(decoding: target, as: UTF8.self) }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in target {
            if 0x21...0x7E ~= byte {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Hits

    private func record(_ token: Token, _ request: Request, _ peer: String, target: [UInt8]?) {
        let headers = request.headers
        let agent = headers[.userAgent].map { String($0.prefix(Self.maximumAgentOctets)) }
        let purpose =
            headers[HTTPField.Name.secPurpose] ?? headers[HTTPField.Name.purpose] ?? headers[HTTPField.Name.xMoz]
        let (hitClass, evidence) = HitClassifier.classify(
            HitFacts(isHead: request.method == .head, agent: agent, purpose: purpose))
        var link: Int?
        if case .click(let number, _) = token.content { link = number }
        // Sec-GPC asks not to be identified: counted, and no more.
        let isPrivate = headers[HTTPField.Name.secGPC] == "1"
        sink.record(
            .hit(
                HitRecord(
                    message: token.message, time: now(), kind: token.kind, recipient: token.recipient, link: link,
                    url: target.map { String(decoding: $0, as: UTF8.self) } ?? "",
                    client: isPrivate ? "" : client(headers, peer), agent: isPrivate ? "" : agent ?? "",
                    hitClass: hitClass,
                    evidence: evidence)))
    }

    /// The reader's address: the last hop that is not one of our proxies (RFC 7239 §7.4 says why not further).
    private func client(_ headers: HTTPFields, _ peer: String) -> String {
        var address = peer
        guard isTrusted(peer), let chain = headers[HTTPField.Name.forwardedFor] else { return address }
        for hop in chain.split(separator: ",").reversed().prefix(16) {
            let text = hop.trimmingBlanks()
            guard let parsed = IPAddress(text) else { break }
            address = parsed.description
            if !isTrusted(text) { break }
        }
        return address
    }

    private func isTrusted(_ text: String) -> Bool {
        guard let address = IPAddress(text) else { return false }
        return trustedProxies.contains { $0.contains(address) }
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> String {
        var rest = self
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}

extension HTTPField.Name {
    fileprivate static func known(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .xContentTypeOptions }
    static let referrerPolicy = known("Referrer-Policy")
    static let robotsTag = known("X-Robots-Tag")
    static let forwardedFor = known("X-Forwarded-For")
    static let secPurpose = known("Sec-Purpose")
    static let purpose = known("Purpose")
    static let xMoz = known("X-Moz")
    static let secGPC = known("Sec-GPC")
}
