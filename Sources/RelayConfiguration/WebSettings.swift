public import Tracking

/// `[web]`.
public struct WebSettings: Sendable {
    /// Pixel, redirect, console, API, metrics and health.
    public var address = Endpoint(host: "127.0.0.1", port: 8025)
    /// Pixel and redirect alone.
    public var trackingAddress: Endpoint?
    /// Networks whose forwarding headers count; a TLS proxy usually stands on the same machine.
    public var trustedProxies: [IPNetwork] = ["127.0.0.0/8", "::1/128"].compactMap { IPNetwork($0) }
    /// Rules that tell people from machines; `nil` for the shipped ones.
    public var hitClassesFile: String?
    /// Hash of the console's password.
    public var passwordHash: String?
    /// Hash of the token for API and metrics.
    public var tokenHash: String?
    /// Whether mail carries links of a host that is not this machine: a proxy somewhere leads here.
    public var facesInternet = false
    /// Whether a console without a secret was asked for all the same.
    public var acceptsOpenConsole = false

    /// The defaults.
    public init() {}
}
