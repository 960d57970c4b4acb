/// A message that the fake upstream took.
public struct CapturedMessage: Codable, Sendable, Hashable {
    /// From 1, in the order of arrival.
    public let number: Int
    /// Milliseconds since 1970.
    public let time: Int64
    /// The envelope's sender.
    public let from: String
    /// The envelope's recipients.
    public let to: [String]
    /// What the client said in EHLO.
    public let helo: String
    /// Version and cipher; `null` in clear.
    public let tls: String?
    /// The name the client authenticated as.
    public let user: String?
    /// Octets of the content.
    public let octets: Int
    /// The reply it was given.
    public let reply: String
    /// The content; not in the JSON, which stands beside an `.eml`.
    public var content: [UInt8] = []

    private enum CodingKeys: String, CodingKey { case number, time, from, to, helo, tls, user, octets, reply }
}
