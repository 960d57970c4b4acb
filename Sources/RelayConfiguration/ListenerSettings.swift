public import SMTPProtocol
public import Tracking

/// `[[listener]]`.
public struct ListenerSettings: Sendable {
    /// Where it listens.
    public var address: Endpoint
    /// TLS offered to clients.
    public var tls = TLSMode.none
    /// PEM file of the certificate chain.
    public var certificateFile: String?
    /// PEM file of the private key.
    public var keyFile: String?
    /// Networks that may send without AUTH; loopback always may.
    public var networks: [IPNetwork] = []
    /// Names and password hashes.
    public var authFile: String?
    /// What happens to lone CRs and LFs.
    public var bareNewlines: BareNewlinePolicy

    /// A listener with the defaults of its address.
    public init(address: Endpoint) {
        self.address = address
        bareNewlines = address.isLoopback ? .normalize : .reject
    }
}

/// How a connection is protected.
public enum TLSMode: String, Sendable, CaseIterable {
    case none, starttls, implicit
}
