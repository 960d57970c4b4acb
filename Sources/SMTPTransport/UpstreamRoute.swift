import NIOCore
public import OpenSSLBridge
public import SMTPProtocol

/// Where and how an upstream is reached.
public struct UpstreamRoute: Sendable {
    /// How the connection is protected.
    public enum Protection: Sendable {
        /// STARTTLS, required.
        case startTLS(TLSClientContext, serverName: String)
        /// TLS from the start.
        case implicitTLS(TLSClientContext, serverName: String)
        /// In clear.
        case none
    }

    /// The name in relay.conf.
    public var name: String
    /// Host or address.
    public var host: String
    /// Port.
    public var port: Int
    /// TLS.
    public var protection: Protection
    /// Our name in EHLO.
    public var hostname: String
    /// Credentials for AUTH.
    public var credentials: Credentials?
    /// Connections and deadlines.
    public var limits = ClientLimits()

    /// Told what the upstream offers, on each new connection once it is ready for mail; called on an event loop.
    public var whenOffered: (@Sendable (ServerCapabilities) -> Void)?

    /// A route with the limits that are usual.
    public init(
        name: String, host: String, port: Int, protection: Protection, hostname: String, credentials: Credentials? = nil
    ) {
        self.name = name
        self.host = host
        self.port = port
        self.protection = protection
        self.hostname = hostname
        self.credentials = credentials
    }

    var connectTimeout: TimeAmount { TimeAmount(limits.connectTimeout) }
    var commandTimeout: TimeAmount { TimeAmount(limits.commandTimeout) }
    var finalDotTimeout: TimeAmount { TimeAmount(limits.finalDotTimeout) }

    var sessionSettings: ClientSession.Settings {
        switch protection {
        case .startTLS: .init(hostname: hostname, requiresStartTLS: true, credentials: credentials)
        case .implicitTLS:
            .init(hostname: hostname, requiresStartTLS: false, isImplicitTLS: true, credentials: credentials)
        case .none: .init(hostname: hostname, requiresStartTLS: false, credentials: credentials)
        }
    }
}
