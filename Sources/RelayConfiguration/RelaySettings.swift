public import SMTPProtocol
public import Tracking

/// `host:port`; IPv6 hosts stand in brackets.
public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// Name or address, without brackets.
    public let host: String
    /// 0 lets the system choose.
    public let port: Int

    /// An endpoint.
    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[address]:port`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// Whether it is this machine by number or by the name `localhost`.
    public var isLoopback: Bool { host == "localhost" || IPAddress(host)?.isLoopback == true }

    /// `host:port`.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// How a connection is protected.
public enum TLSMode: String, Sendable, CaseIterable {
    case none, starttls, implicit
}

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
    /// At most so many connections.
    public var connections = 20
    /// Mails on one connection.
    public var messagesPerConnection = 100
    /// Age of a connection.
    public var connectionAge = Duration.seconds(300)
    /// Idle time of a connection.
    public var connectionIdle = Duration.seconds(30)
    /// Deadline for TCP.
    public var connectTimeout = Duration.seconds(30)
    /// Deadline for a reply.
    public var commandTimeout = Duration.seconds(300)
    /// Deadline for the reply to the content's end.
    public var finalDotTimeout = Duration.seconds(600)
    /// Whether the envelope sender becomes ``username``.
    public var rewritesSender = false
    /// Octets of a message it takes, where its preset says.
    public var maximumMessageOctets: Int?
    /// Recipients of one transaction, where its preset says.
    public var maximumRecipients = 1_000

    /// An upstream with the defaults.
    public init(name: String, address: Endpoint) {
        self.name = name
        self.address = address
        serverName = address.host
    }
}

/// `[web]`.
public struct WebSettings: Sendable {
    /// Pixel, redirect and health.
    public var address = Endpoint(host: "127.0.0.1", port: 8025)
    /// Pixel and redirect alone.
    public var trackingAddress: Endpoint?
    /// Networks whose forwarding headers count.
    public var trustedProxies: [IPNetwork] = []
    /// Rules that tell people from machines; `nil` for the shipped ones.
    public var hitClassesFile: String?
    /// Hash of the console's password.
    public var passwordHash: String?
    /// Hash of the token for API and metrics.
    public var tokenHash: String?

    /// The defaults.
    public init() {}
}

/// `[limits]`, octets and counts.
public struct LimitSettings: Sendable {
    /// Octets of a message.
    public var messageOctets = 25 << 20
    /// Recipients of a message.
    public var recipients = 1_000
    /// Client connections in all.
    public var connections = 1_000
    /// Client connections from one address.
    public var connectionsPerClient = 100
    /// Until a silent client is sent away.
    public var idleTimeout = Duration.seconds(300)
    /// Octets of messages on their way upstream at a time.
    public var inFlightOctets = 32 << 20

    /// The defaults.
    public init() {}
}

/// `[queue]`.
public struct QueueTimes: Sendable {
    /// Waits between attempts; the last one repeats.
    public var retry: [Duration] = [30, 120, 300, 600, 1_200, 1_800, 3_600].map { .seconds($0) }
    /// Then a mail fails.
    public var lifetime = Duration.seconds(5 * 86_400)

    /// The defaults.
    public init() {}
}

/// `[log]`.
public struct LogSettings: Sendable {
    /// Shape of a line.
    public enum Format: String, Sendable, CaseIterable { case logfmt, json }
    /// Least level that is written.
    public enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
    /// Shape of a line.
    public var format = Format.logfmt
    /// Least level that is written.
    public var level = Level.info

    /// The defaults.
    public init() {}
}

/// Words of the final 250.
public enum ReplyText: String, Sendable, CaseIterable { case standard, directmail }

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
    /// Tags and rules; the key's number is set by whoever reads the key file.
    public var policies: TrackingPolicies
    /// Where each value of each tag comes from: tag, key, value, origin.
    public var origins: [PolicyValue] = []
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

/// What `serve --only tracking` needs of relay.conf.
public struct TrackerSettings: Sendable {
    /// Journal of hits.
    public var dataDirectory: String
    /// The tracking keys.
    public var keyFile: String
    /// Paths of all base URLs, in front of `/o/` and `/c/`.
    public var basePaths: Set<String> = []
    /// Links that are turned off; lines of tags say nothing here.
    public var blockListFile: String?
    /// `[web]`; its tracking address is there.
    public var web = WebSettings()
    /// `[log]`.
    public var log = LogSettings()

    /// Settings with the defaults.
    public init(dataDirectory: String) {
        self.dataDirectory = dataDirectory
        keyFile = dataDirectory + "/tracking.key"
    }
}

/// One value of a tag's policy in force.
public struct PolicyValue: Sendable, Hashable, Codable {
    /// The tag.
    public let tag: String
    /// The key.
    public let key: String
    /// The value as relay.conf would write it.
    public let value: String
    /// `[tag.x], line 3`, `[tracking], line 2` or `built in`.
    public let origin: String
}
