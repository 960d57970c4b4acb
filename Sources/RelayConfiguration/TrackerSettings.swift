public import Tracking

/// What `serve --only tracking` needs of relay.conf.
public struct TrackerSettings: Sendable {
    /// Journal of hits.
    public var dataDirectory: String
    /// The tracking keys.
    public var keyFile: String
    /// Paths of all base URLs, in front of `/o/` and `/c/`.
    public var basePaths: Set<String> = []
    /// All base URLs.
    public var baseURLs: [BaseURL] = []
    /// Links that are turned off; lines of tags say nothing here.
    public var blockListFile: String?
    /// `[web]`; its tracking address is there.
    public var web = WebSettings()
    /// `[limits]`, of which the web connections count here.
    public var limits = LimitSettings()
    /// `[log]`.
    public var log = LogSettings()
    /// Where each key stands.
    public var places = ConfigurationPlaces()

    /// Whether it serves others than this machine, which a tracker does unless it is a test.
    public var facesInternet: Bool { baseURLs.isEmpty || baseURLs.contains { !$0.isLoopback } }

    /// Settings with the defaults.
    public init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
        keyFile = dataDirectory + "/tracking.key"
    }
}
