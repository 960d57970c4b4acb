public import SMTPProtocol

/// `[upstream.NAME]`.
public struct UpstreamSettings: Sendable {
    /// The name in relay.conf.
    public var name: String
    /// Where it is.
    public var address: Endpoint
    /// How it is protected.
    public var tls = TLSMode.starttls
    /// The name its certificate must bear.
    public var serverName: String
    /// PEM file of its authorities; `nil` for the system's store.
    public var caFile: String?
    /// For AUTH.
    public var username: String?
    /// File whose first line is the password.
    public var passwordFile: String?
    /// Reply table.
    public var replies = ReplyTable()
    /// Connections and deadlines.
    public var limits = ClientLimits()
    /// Whether the envelope sender becomes ``username``.
    public var rewritesSender = false
    /// Octets of a message it takes, where its preset says.
    public var maximumMessageOctets: Int?
    /// Whether it never offers SMTPUTF8, where its preset says.
    public var lacksSMTPUTF8 = false
    /// Recipients of one transaction, where its preset says.
    public var maximumRecipients = 1_000

    /// An upstream with the defaults.
    public init(name: String, address: Endpoint) {
        self.name = name
        self.address = address
        serverName = address.host
    }
}
