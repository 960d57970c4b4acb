import NIOHTTP1

/// What is wrong with a request however it goes on; pixel, links and console ask the same.
enum RequestHeadCheck {
    /// Whether the head is one that every reader takes for the same request (RFC 9112 §3.2, §6.1): one Host that can be
    /// one, and no doubt about where the body ends. The parser has refused what it cannot frame; this is the rest.
    static func isSound(_ head: HTTPRequestHead) -> Bool {
        var (hosts, lengths, codings) = (0, 0, 0)
        for (name, value) in head.headers {
            switch name.utf8.count {
            case 4 where name.isSame("host"):
                hosts += 1
                guard isHost(value.utf8) else { return false }
            case 14 where name.isSame("content-length"): lengths += 1
            case 17 where name.isSame("transfer-encoding"): codings += 1
            default: break
            }
        }
        guard hosts == 1 || hosts == 0 && head.version == .http1_0 else { return false }
        // An HTTP/1.0 peer that names a coding does not mean what HTTP/1.1 means by it.
        return lengths <= 1 && codings <= 1 && lengths + codings <= 1 && (codings == 0 || head.version == .http1_1)
    }

    /// Whether a Host's value can be host and port (RFC 3986 §3.2.2); an empty one may be.
    static func isHost(_ value: some Sequence<UInt8>) -> Bool {
        value.allSatisfy { byte in
            switch byte {
            case 0x21...0x7E: !"/?#@\\\"<>^`{|},".utf8.contains(byte)
            default: false
            }
        }
    }
}
