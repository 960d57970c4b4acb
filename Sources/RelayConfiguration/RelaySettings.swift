public import Tracking

/// relay.conf as typed values.
public struct RelaySettings: Sendable {
    /// The name in banner, EHLO and Received.
    public var hostname: String
    /// Queue, events and journal.
    public var dataDirectory: String
    /// Words of the final 250.
    public var replyText = ReplyText.standard
    /// At least one.
    public var listeners: [ListenerSettings]
    /// By name; `default` is always there.
    public var upstreams: [String: UpstreamSettings]
    /// Tags and rules as they are written; the relay's book says what is in force, with the number of the signing key.
    public var policies: TrackingPolicies
    /// Each tag's policy, line by line, with where each value comes from.
    public var policyLines: [TagName: [PolicyLine]] = [:]
    /// The tracking keys.
    public var keyFile: String
    /// Links that are turned off.
    public var blockListFile: String?
    /// Recipients who are never tracked.
    public var denyListFile: String?
    /// `[web]`.
    public var web = WebSettings()
    /// `[limits]`.
    public var limits = LimitSettings()
    /// `[queue]`.
    public var queue = QueueTimes()
    /// `[log]`.
    public var log = LogSettings()
    /// What is allowed but looks wrong: one line each, with place.
    public var warnings: [ConfigurationError] = []
    /// Where each key stands.
    public var places = ConfigurationPlaces()

    /// Settings with the defaults.
    public init(hostname: String, dataDirectory: String, upstream: UpstreamSettings, policies: TrackingPolicies) {
        self.hostname = hostname
        self.dataDirectory = dataDirectory
        self.policies = policies
        upstreams = [upstream.name: upstream]
        keyFile = dataDirectory + "/tracking.key"
        listeners = Self.defaultListeners
    }

    /// 127.0.0.1:2525 and [::1]:2525.
    public static let defaultListeners = ["127.0.0.1", "::1"].map {
        ListenerSettings(address: Endpoint(host: $0, port: 2525))
    }
}

/// Words of the final 250.
public enum ReplyText: String, Sendable, CaseIterable { case standard, directmail }
