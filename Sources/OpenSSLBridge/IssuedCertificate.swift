import COpenSSL

/// A certificate with its key.
public struct IssuedCertificate: Sendable {
    /// The certificate, and the authority's behind it.
    public let certificateChainPEM: [UInt8]
    /// The private key, not encrypted.
    public let privateKeyPEM: [UInt8]
}
