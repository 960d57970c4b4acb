import OpenSSLBridge
public import RelayConfiguration
import SMTPTransport
import Tracking
import TrackingEvents

/// Everything that a start reads from files. Whoever checks a configuration reads the same: what one of them refuses, the
/// other does too.
struct StartFiles {
    let codec: TokenCodec
    let routes: [String: UpstreamRoute]
    /// By the listener's place in relay.conf.
    let contexts: [Int: TLSServerContext]
    /// By the listener's address.
    let users: [String: [String: String]]
    let rules: HitRules
    let lists: TrackingFiles

    /// - Parameters:
    ///   - problems: what is wrong already.
    ///   - keys: gives the tracking keys.
    /// - Throws: ``StartFailure`` with all that is wrong, a line each.
    init(_ settings: RelaySettings, log: RelayLog, _ problems: StartProblems, keys: () throws -> TokenCodec) throws {
        var problems = problems
        let codec = problems.attempt(["tracking", "key-file"], keys)
        var routes: [String: UpstreamRoute] = [:]
        for (name, upstream) in settings.upstreams.sorted(by: { $0.key < $1.key }) {
            routes[name] = problems.attempt(Self.culprit(upstream)) {
                try UpstreamRoute(upstream, hostname: settings.hostname)
            }
        }
        var contexts: [Int: TLSServerContext] = [:]
        var users: [String: [String: String]] = [:]
        for (number, listener) in settings.listeners.enumerated() {
            if listener.tls != .none {
                contexts[number] = problems.attempt(["listener[\(number)]", "certificate-file"]) {
                    try TLSServerContext(
                        certificateChainFile: listener.certificateFile ?? "", privateKeyFile: listener.keyFile ?? "")
                }
            }
            if let path = listener.authFile {
                users[listener.address.description] = problems.attempt(["listener[\(number)]", "auth-file"]) {
                    try AuthFile.read(path)
                }
            }
        }
        problems.checkHashes(settings.web)
        let rules = problems.attempt(["web", "hit-classes-file"]) { try HitRulesFile.load(settings.web.hitClassesFile) }
        let blockList = problems.attempt(["tracking", "block-list-file"]) {
            try TrackingFiles.blockList(settings.blockListFile, log)
        }
        let denyList = problems.attempt(["tracking", "deny-list-file"]) {
            try TrackingFiles.denyList(settings.denyListFile, log)
        }
        guard problems.all.isEmpty, let codec, let rules, let blockList, let denyList else { throw problems.failure }
        self.codec = codec
        self.routes = routes
        self.contexts = contexts
        self.users = users
        self.rules = rules
        lists = TrackingFiles(blockList: blockList, denyList: denyList)
    }

    /// The key that a failure to make a route is about.
    private static func culprit(_ upstream: UpstreamSettings) -> [String] {
        if let file = upstream.caFile, upstream.tls != .none, (try? SmallFile.read(file)) == nil {
            return ["upstream", upstream.name, "ca-file"]
        }
        return ["upstream", upstream.name, upstream.passwordFile == nil ? "username" : "password-file"]
    }
}

/// What is wrong with the files that relay.conf names, by place.
struct StartProblems {
    let places: ConfigurationPlaces
    private(set) var all: [ConfigurationError] = []

    init(places: ConfigurationPlaces) { self.places = places }

    /// Runs a part of a start; what goes wrong is noted at its key.
    mutating func attempt<Value>(_ key: [String], _ body: () throws -> Value) -> Value? {
        do {
            return try body()
        } catch {
            all.append(places.error(key, "\(error)"))
            return nil
        }
    }

    /// A hash that was copied in part would let nobody in, and not say why.
    mutating func checkHashes(_ web: WebSettings) {
        for (key, hash) in [("password-hash", web.passwordHash), ("token-hash", web.tokenHash)] {
            guard let hash, !PasswordHash.isOne(hash) else { continue }
            all.append(
                places.error(
                    ["web", key],
                    "\(key): no password fits this; copy all that `tracerelay password NAME` prints behind \"NAME:\""))
        }
    }

    var failure: StartFailure {
        let sorted = all.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
        return StartFailure(sorted.map(\.description).joined(separator: "\n"), exitCode: 78)
    }
}

/// The check before a start.
public enum StartCheck {
    /// Reads all that `serve` would read; changes nothing.
    /// - Throws: ``StartFailure`` with every error as `file:line:column: sentence`.
    public static func run(_ settings: RelaySettings) throws {
        let log = RelayLog(handler: RelayLogHandler(settings.log))
        var problems = StartProblems(places: settings.places)
        _ = problems.attempt(["data-directory"]) { try DataDirectory.check(settings.dataDirectory) }
        _ = try StartFiles(settings, log: log, problems) {
            try TrackingKeys.check(settings.keyFile, dataDirectory: settings.dataDirectory)
            return try TrackingKeys.codec(
                TrackingKeys.isThere(settings.keyFile) ? try TrackingKeys.load(settings.keyFile) : try .temporary())
        }
    }

    /// Reads all that `serve --only tracking` would read; changes nothing.
    /// - Throws: ``StartFailure``.
    public static func run(_ settings: TrackerSettings) throws {
        let log = RelayLog(handler: RelayLogHandler(settings.log))
        var problems = StartProblems(places: settings.places)
        _ = problems.attempt(["data-directory"]) { try DataDirectory.check(settings.dataDirectory) }
        _ = problems.attempt(["tracking", "key-file"]) { try TrackerInstance.codec(settings) }
        _ = problems.attempt(["tracking", "block-list-file"]) {
            try TrackingFiles.blockList(settings.blockListFile, log)
        }
        problems.checkHashes(settings.web)
        guard problems.all.isEmpty else { throw problems.failure }
    }
}

extension KeyRing {
    /// A ring for a check before the first start: nothing is signed with it.
    fileprivate static func temporary() throws -> KeyRing {
        var ring = KeyRing(keys: [])
        try TrackingKeys.add(to: &ring)
        return ring
    }
}
