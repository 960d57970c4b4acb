import CoreMetrics
import NIOHTTP1
public import Tracking
public import TrackingEvents

/// What a path asks for.
enum HitKind { case pixel, link }

/// How a hit is answered.
enum HitAnswer: Sendable {
    case pixel(isFound: Bool, isHead: Bool)
    case redirect(location: [UInt8], isHead: Bool)
    case notFound(isHead: Bool)
    /// The link is turned off.
    case blocked(isHead: Bool)
    /// It depends on the tag of the mail.
    indirect case asksForTag(TrackingMessageID, otherwise: HitAnswer)

    var isHead: Bool {
        switch self {
        case .pixel(_, let isHead), .redirect(_, let isHead), .notFound(let isHead), .blocked(let isHead): isHead
        case .asksForTag(_, let otherwise): otherwise.isHead
        }
    }
}

/// What is looked at in a request for a pixel or link.
struct HitRequest {
    var method: HTTPMethod
    var agent = ""
    var purpose = ""
    var forwardedFor = ""
    var isPrivate = false

    init(method: HTTPMethod) { self.method = method }

    init(_ head: HTTPRequestHead) {
        self.init(method: head.method)
        for (name, value) in head.headers { take(name, value[...].trimmingBlanks()) }
    }

    /// Keeps a field that counts.
    mutating func take(_ name: String, _ value: @autoclosure () -> String) {
        switch name.utf8.count {
        case 10 where name.isSame("user-agent"): agent = value()
        case 11 where name.isSame("sec-purpose"): purpose = value()
        case 7 where name.isSame("purpose"), 5 where name.isSame("x-moz"): if purpose.isEmpty { purpose = value() }
        case 15 where name.isSame("x-forwarded-for"):
            forwardedFor = forwardedFor.isEmpty ? value() : "\(forwardedFor),\(value())"
        case 7 where name.isSame("sec-gpc"): isPrivate = value() == "1"
        default: break
        }
    }
}

extension String {
    func isSame(_ lowercased: StaticString) -> Bool {
        lowercased.withUTF8Buffer { other in
            utf8.count == other.count && zip(utf8, other).allSatisfy { $0 | 0x20 == $1 | 0x20 }
        }
    }
}

/// What the tracking host needs: keys, and a place for hits. No database: a link works with the key alone.
public struct HitResponder: Sendable {
    private let codec: TokenCodec
    private let sink: any EventSink
    /// Whose hits they are.
    public let clients: ForwardedClient
    private let metrics: HitMetrics
    private let now: @Sendable () -> Int64

    /// The list in force.
    public var blockList: @Sendable () -> BlockList = { BlockList() }
    /// The tag of a message, where it is known; asked only where the block list names tags.
    public var tag: @Sendable (TrackingMessageID) async -> String? = { _ in nil }

    /// The smallest GIF there is: one transparent pixel, 43 octets.
    static let gif: [UInt8] = [
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF,
        0xFF, 0x21, 0xF9,
        0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2C, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x02, 0x02,
        0x44, 0x01, 0x00,
        0x3B,
    ]

    /// The page for everything that is not there; the same octets whatever the reason.
    static let notFound = page("Not found", "There is nothing at this address.")
    /// The page for a link that is turned off.
    static let blocked = page("Link turned off", "The sender has turned this link off.")

    private static func page(_ title: String, _ sentence: String) -> String {
        """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(title)</title><p>\(sentence)</p></html>

        """
    }

    /// A responder.
    /// - Parameter now: milliseconds since 1970.
    public init(
        codec: TokenCodec, sink: any EventSink, trustedProxies: [IPNetwork], metrics: HitMetrics = HitMetrics(),
        now: @escaping @Sendable () -> Int64
    ) {
        self.codec = codec
        self.sink = sink
        clients = ForwardedClient(trustedProxies: trustedProxies)
        self.metrics = metrics
        self.now = now
    }

    /// The answer to a request for a pixel or a link. The hit is recorded.
    func answer(_ kind: HitKind, _ text: Substring.UTF8View, _ request: HitRequest, from peer: String) -> HitAnswer {
        let isHead = request.method == .HEAD
        guard isHead || request.method == .GET else { return .notFound(isHead: false) }
        switch kind {
        case .pixel:
            guard let opened = open(text, .open) else {
                metrics.invalidTokens.increment()
                return .pixel(isFound: false, isHead: isHead)
            }
            record(opened.token, request, peer, target: [])
            return .pixel(isFound: true, isHead: isHead)
        case .link:
            guard let opened = open(text, .click), case .click(_, let target) = opened.token.content else {
                metrics.invalidTokens.increment()
                return .notFound(isHead: isHead)
            }
            record(opened.token, request, peer, target: target)
            let list = blockList()
            if list.blocks(message: opened.token.message, key: opened.key, target: target) {
                return .blocked(isHead: isHead)
            }
            let answer = HitAnswer.redirect(location: Self.location(target), isHead: isHead)
            return list.tags.isEmpty ? answer : .asksForTag(opened.token.message, otherwise: answer)
        }
    }

    private func open(_ text: Substring.UTF8View, _ kind: TokenKind) -> (token: Token, key: KeyID)? {
        codec.open(text, kind: kind) ?? HitPath.withoutTail(text).flatMap { codec.open($0, kind: kind) }
    }

    /// Whether the block list names tags.
    var asksForTags: Bool { !blockList().tags.isEmpty }

    func isBlocked(_ message: TrackingMessageID) async -> Bool {
        guard let tag = await tag(message) else { return false }
        return blockList().tags.contains(tag)
    }

    /// The target as a header can carry it and a browser would request it: octets outside printable ASCII are
    /// percent-encoded, all others stand as they are.
    static func location(_ target: [UInt8]) -> [UInt8] {
        guard !target.allSatisfy({ 0x21...0x7E ~= $0 }) else { return target }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in target {
            if 0x21...0x7E ~= byte {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return bytes
    }

    // MARK: Hits

    private func record(_ token: Token, _ request: HitRequest, _ peer: String, target: [UInt8]) {
        var link: Int?
        if case .click(let number, _) = token.content { link = number }
        // Sec-GPC asks not to be identified: counted, and no more.
        let client = request.isPrivate ? "" : clients.address(request.forwardedFor, peer: peer)
        if client == peer, clients.speaksForMany(peer) { metrics.noteUnnamed() }
        sink.record(
            .hit(
                HitRecord(
                    message: token.message, time: now(), kind: token.kind, recipient: token.recipient, link: link,
                    url: String(decoding: target, as: UTF8.self), client: client,
                    agent: Self.clean(request.agent, HitRecord.maximumAgentOctets),
                    purpose: Self.clean(request.purpose, HitRecord.maximumPurposeOctets),
                    isHead: request.method == .HEAD, isPrivate: request.isPrivate)))
    }

    /// Without control characters, and not too long.
    private static func clean(_ text: String, _ limit: Int) -> String {
        let utf8 = text.utf8
        guard utf8.count > limit || utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return String(decoding: utf8.lazy.filter { $0 >= 0x20 && $0 != 0x7F }.prefix(limit), as: UTF8.self)
    }
}

extension Substring {
    func trimmingBlanks() -> String {
        var rest = self
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
