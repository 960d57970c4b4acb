/// What a server offers in its answer to EHLO.
public struct ServerCapabilities: Sendable, Hashable {
    /// RFC 2920.
    public var pipelining = false
    /// RFC 1870; 0 where the server names no limit.
    public var size: Int?
    /// RFC 6152.
    public var eightBitMIME = false
    /// RFC 6531.
    public var smtpUTF8 = false
    /// RFC 3207.
    public var startTLS = false
    /// Mechanisms of AUTH in upper case, the old `AUTH=` form included.
    public var mechanisms: Set<String> = []

    /// A server that offers nothing: one that only knows HELO.
    public init() {}

    /// Reads the lines of a reply to EHLO; the first is the server's name.
    public init(_ reply: Reply) {
        for line in reply.lines.dropFirst() {
            let words = line.uppercased().split(separator: " ")
            guard let keyword = words.first else { continue }
            switch keyword {
            case "PIPELINING": pipelining = true
            case "SIZE": size = words.count > 1 ? Int(words[1]) ?? 0 : 0
            case "8BITMIME": eightBitMIME = true
            case "SMTPUTF8": smtpUTF8 = true
            case "STARTTLS": startTLS = true
            case "AUTH": mechanisms.formUnion(words.dropFirst().map(String.init))
            case _ where keyword.hasPrefix("AUTH="):
                mechanisms.insert(String(keyword.dropFirst(5)))
                mechanisms.formUnion(words.dropFirst().map(String.init))
            default: continue
            }
        }
    }
}
