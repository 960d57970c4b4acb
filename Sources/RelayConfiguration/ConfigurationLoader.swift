import SMTPProtocol
import TOMLKit
import Tracking

/// Reads relay.conf.
public enum ConfigurationLoader {
    /// Reads a configuration.
    /// - Parameters:
    ///   - text: the file's content.
    ///   - file: its name, for errors.
    /// - Throws: ``ConfigurationErrors`` with everything that is wrong, in the order of the file.
    public static func parse(_ text: String, file: String) throws(ConfigurationErrors) -> RelaySettings {
        try read(text, file: file) { $0.run() }
    }

    /// Reads what `serve --only tracking` needs; upstreams, tags and rules may stand there too.
    /// - Throws: ``ConfigurationErrors``.
    public static func parseTracker(_ text: String, file: String) throws(ConfigurationErrors) -> TrackerSettings {
        try read(text, file: file) { $0.runTracker() }
    }

    private static func read<Settings>(_ text: String, file: String, _ body: (inout Loading) -> Settings?)
        throws(ConfigurationErrors) -> Settings
    {
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw ConfigurationErrors(errors: [
                ConfigurationError(
                    file: file, line: error.source.begin.line, column: error.source.begin.column,
                    message: error.description)
            ])
        } catch {
            throw ConfigurationErrors(errors: [ConfigurationError(file: file, line: 1, column: 1, message: "\(error)")])
        }
        let findings = Findings(file: file, locator: KeyLocator(text))
        let root = SectionReader(table: table, path: [], findings: findings)
        var loading = Loading(root: root, findings: findings)
        let settings = body(&loading)
        guard let settings, findings.errors.isEmpty else {
            throw ConfigurationErrors(errors: findings.errors.sorted { ($0.line, $0.column) < ($1.line, $1.column) })
        }
        return settings
    }
}

/// One run over a document.
struct Loading {
    let root: SectionReader
    let findings: Findings

    mutating func run() -> RelaySettings? {
        root.check(Schema.topLevel)
        let hostname = root.parsed("hostname", "a host name", Self.hostname) ?? "localhost"
        let directory = root.string("data-directory") ?? "/var/lib/tracerelay"
        if !directory.hasPrefix("/") { root.fail("data-directory", "must be an absolute path") }
        let upstreams = self.upstreams()
        guard let upstream = upstreams["default"],
            let tracking = PolicyReader(root: root, upstreams: Set(upstreams.keys)).read()
        else { return nil }
        var settings = RelaySettings(
            hostname: hostname, dataDirectory: directory, upstream: upstream, policies: tracking.policies)
        settings.upstreams = upstreams
        settings.origins = tracking.origins
        if let word = root.word("reply-text", ReplyText.self) { settings.replyText = word }
        if let section = root.table("tracking") {
            if let file = section.string("key-file") { settings.keyFile = file }
            settings.blockListFile = section.string("block-list-file")
            settings.denyListFile = section.string("deny-list-file")
        }
        settings.listeners = listeners() ?? settings.listeners
        readWeb(&settings.web)
        readLimits(&settings.limits)
        readQueue(&settings.queue)
        readLog(&settings.log)
        settings.warnings = findings.warnings
        return settings
    }

    func runTracker() -> TrackerSettings? {
        root.check(Schema.topLevel)
        let directory = root.string("data-directory") ?? "/var/lib/tracerelay"
        if !directory.hasPrefix("/") { root.fail("data-directory", "must be an absolute path") }
        var settings = TrackerSettings(dataDirectory: directory)
        if let section = root.table("tracking") {
            section.check(Schema.tracking.map(\.name))
            if let file = section.string("key-file") { settings.keyFile = file }
            settings.blockListFile = section.string("block-list-file")
            readBasePath(section, &settings)
        }
        if let tags = root.table("tag") {
            for name in tags.table.keys.sorted() {
                if let section = tags.table(name) { readBasePath(section, &settings) }
            }
        }
        readWeb(&settings.web)
        readLog(&settings.log)
        if settings.web.trackingAddress == nil {
            findings.error(["web"], "[web] needs `tracking-address`, where pixel and links are served")
        }
        return settings
    }

    private func readBasePath(_ section: SectionReader, _ settings: inout TrackerSettings) {
        guard let text = section.string("base-url") else { return }
        do {
            settings.basePaths.insert(try BaseURL(text).path)
        } catch {
            section.fail("base-url", error.description)
        }
    }

    private static func hostname(_ text: String) -> String? {
        Mailbox("x@\(text)") != nil && text.utf8.allSatisfy { $0 < 0x80 } ? text : nil
    }

    // MARK: Sections

    private func listeners() -> [ListenerSettings]? {
        let sections = root.tables("listener")
        guard !sections.isEmpty else { return nil }
        return sections.compactMap { section in
            section.check(Schema.listener.map(\.name))
            guard let address = section.endpoint("address") else {
                if !section.has("address") {
                    findings.error(section.path, "a listener needs `address = \"HOST:PORT\"`")
                }
                return nil
            }
            var listener = ListenerSettings(address: address)
            listener.tls = section.word("tls", TLSMode.self) ?? .none
            listener.certificateFile = section.string("certificate-file")
            listener.keyFile = section.string("key-file")
            listener.networks = section.list("networks", "a network such as \"10.0.0.0/8\"") { IPNetwork($0) } ?? []
            listener.authFile = section.string("auth-file")
            if let word = section.word("bare-newlines", BareNewlines.self) {
                listener.bareNewlines = word == .normalize ? .normalize : .reject
            }
            check(listener, section)
            return listener
        }
    }

    private enum BareNewlines: String, CaseIterable { case normalize, reject }

    private func check(_ listener: ListenerSettings, _ section: SectionReader) {
        if listener.tls != .none, listener.certificateFile == nil || listener.keyFile == nil {
            section.fail("tls", "needs `certificate-file` and `key-file`")
        }
        if listener.networks.contains(where: { $0.prefixLength == 0 }), listener.authFile == nil {
            section.fail(
                "networks",
                "a network of all addresses without `auth-file` is an open relay; name the networks that may send")
        }
        if !listener.address.isLoopback, listener.networks.isEmpty, listener.authFile == nil {
            section.fail(
                "address",
                "a listener that is not on loopback needs `networks` or `auth-file`, else it is an open relay")
        }
        if listener.authFile != nil, listener.tls == .none, !listener.address.isLoopback {
            section.fail(
                "auth-file", "off loopback AUTH works inside TLS only; set `tls`, `certificate-file` and `key-file`")
        }
    }

    private func upstreams() -> [String: UpstreamSettings] {
        var result: [String: UpstreamSettings] = [:]
        guard let section = root.table("upstream") else {
            findings.error([], "no upstream; add [upstream.default] with `address = \"HOST:PORT\"`")
            return result
        }
        for name in section.table.keys {
            guard TagName(name) != nil else {
                findings.error(section.path + [name], "an upstream's name may hold letters, digits, \"_\" and \"-\"")
                continue
            }
            if let inner = section.table(name), let upstream = upstream(inner, name) { result[name] = upstream }
        }
        if result["default"] == nil, section.table["default"] == nil {
            findings.error(section.path, "no [upstream.default]; mail whose tag names no upstream needs one")
        }
        return result
    }

    private enum Preset: String, CaseIterable { case directmail }

    private func upstream(_ section: SectionReader, _ name: String) -> UpstreamSettings? {
        section.check(Schema.upstream.map(\.name))
        guard let address = section.endpoint("address") else {
            if !section.has("address") {
                findings.error(section.path, "upstream \(name) needs `address = \"HOST:PORT\"`")
            }
            return nil
        }
        var upstream = UpstreamSettings(name: name, address: address)
        upstream.tls = section.word("tls", TLSMode.self) ?? .starttls
        if let server = section.string("tls-server-name") { upstream.serverName = server }
        upstream.caFile = section.string("ca-file")
        upstream.username = section.string("username")
        upstream.passwordFile = section.string("password-file")
        if section.word("preset", Preset.self) != nil {
            upstream.replies.rows = ReplyTable.directMail
            upstream.maximumMessageOctets = 15 << 20
            upstream.maximumRecipients = 60
        }
        upstream.replies.softBounce = section.boolean("soft-bounce") ?? false
        upstream.rewritesSender = section.boolean("rewrite-sender") ?? false
        readNumbers(section, &upstream)
        if upstream.tls == .none, !address.isLoopback, section.boolean("i-accept-cleartext") != true {
            section.fail(
                "tls",
                "\"none\" would send mail and password in clear; use \"starttls\", or set i-accept-cleartext = true")
        }
        if upstream.rewritesSender, Mailbox(upstream.username ?? "") == nil {
            section.fail("rewrite-sender", "needs a `username` that is a mail address")
        }
        if upstream.passwordFile != nil, upstream.username == nil {
            section.fail("password-file", "needs a `username`")
        }
        return upstream
    }

    private func readNumbers(_ section: SectionReader, _ upstream: inout UpstreamSettings) {
        if let value = section.integer("connections", in: 1...1_000) { upstream.connections = value }
        if let value = section.integer("messages-per-connection", in: 1...1_000_000) {
            upstream.messagesPerConnection = value
        }
        if let value = section.duration("connection-age") { upstream.connectionAge = value }
        if let value = section.duration("connection-idle") { upstream.connectionIdle = value }
        if let value = section.duration("connect-timeout") { upstream.connectTimeout = value }
        if let value = section.duration("command-timeout") { upstream.commandTimeout = value }
        if let value = section.duration("final-dot-timeout") { upstream.finalDotTimeout = value }
    }

    private func readWeb(_ web: inout WebSettings) {
        guard let section = root.table("web") else { return }
        section.check(Schema.web.map(\.name))
        if let address = section.endpoint("address") { web.address = address }
        web.trackingAddress = section.endpoint("tracking-address")
        web.trustedProxies =
            section.list("trusted-proxies", "a network such as \"127.0.0.1/32\"") { IPNetwork($0) } ?? []
        web.hitClassesFile = section.string("hit-classes-file")
        web.passwordHash = hash(section, "password-hash")
        web.tokenHash = hash(section, "token-hash")
        if !web.address.isLoopback, web.passwordHash == nil, web.tokenHash == nil {
            section.fail(
                "address",
                "a console that is not on loopback needs `password-hash` or `token-hash`; for pixel and links alone use "
                    + "`tracking-address`")
        }
    }

    private func hash(_ section: SectionReader, _ key: String) -> String? {
        guard let text = section.string(key) else { return nil }
        if !text.hasPrefix("pbkdf2-sha256$") {
            section.fail(key, "must be what `tracerelay password NAME` prints behind \"NAME:\"")
        }
        return text
    }

    private func readLimits(_ limits: inout LimitSettings) {
        guard let section = root.table("limits") else { return }
        section.check(Schema.limits.map(\.name))
        if let value = section.octets("message-size") {
            if 64 << 10...1 << 30 ~= value {
                limits.messageOctets = value
            } else {
                section.fail("message-size", "must be 64KiB to 1GiB")
            }
        }
        if let value = section.integer("recipients", in: 1...100_000) { limits.recipients = value }
        if let value = section.integer("connections", in: 1...100_000) { limits.connections = value }
        if let value = section.integer("connections-per-client", in: 1...100_000) {
            limits.connectionsPerClient = value
        }
        if let value = section.duration("idle-timeout") { limits.idleTimeout = value }
        if let value = section.octets("in-flight") { limits.inFlightOctets = max(value, 1 << 20) }
    }

    private func readQueue(_ queue: inout QueueTimes) {
        guard let section = root.table("queue") else { return }
        section.check(Schema.queue.map(\.name))
        if let retry = section.list("retry", Quantity.durationHint, Quantity.duration) {
            if retry.isEmpty { section.fail("retry", "needs at least one wait") } else { queue.retry = retry }
        }
        if let lifetime = section.duration("lifetime") { queue.lifetime = lifetime }
    }

    private func readLog(_ log: inout LogSettings) {
        guard let section = root.table("log") else { return }
        section.check(Schema.log.map(\.name))
        if let format = section.word("format", LogSettings.Format.self) { log.format = format }
        if let level = section.word("level", LogSettings.Level.self) { log.level = level }
    }
}
