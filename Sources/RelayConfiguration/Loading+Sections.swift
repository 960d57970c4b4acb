import Tracking

extension Loading {
    func readWeb(_ web: inout WebSettings, hasDefaultTrackingAddress: Bool = true) {
        if let section = root.table("web") { read(section, &web) }
        let standard = WebSettings.defaultTrackingAddress
        guard hasDefaultTrackingAddress, web.facesInternet, web.trackingAddress == nil,
            web.address.port != standard.port
        else { return }
        web.trackingAddress = standard
    }

    private func read(_ section: SectionReader, _ web: inout WebSettings) {
        section.check(Schema.web)
        if let address = section.endpoint("address") { web.address = address }
        web.trackingAddress = section.endpoint("tracking-address")
        if let networks = section.list("trusted-proxies", "a network such as \"127.0.0.1/32\"", { IPNetwork($0) }) {
            web.trustedProxies = networks
        }
        web.hitClassesFile = section.string("hit-classes-file")
        web.passwordHash = hash(section, "password-hash")
        web.tokenHash = hash(section, "token-hash")
        web.acceptsOpenConsole = section.boolean("i-accept-open-console") ?? false
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

    func readLimits(_ limits: inout LimitSettings) {
        guard let section = root.table("limits") else { return }
        section.check(Schema.limits)
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
        if let value = section.duration("idle-timeout", in: .milliseconds(100)...Self.day) {
            limits.idleTimeout = value
        }
        if let value = section.duration("transaction-timeout", in: .milliseconds(100)...Self.day) {
            limits.transactionTimeout = value
        }
        if let value = section.octets("least-rate") { limits.leastRateOctets = min(value, 1 << 30) }
        if let value = section.integer("web-connections", in: 16...100_000) { limits.webConnections = value }
        if let value = section.integer("web-connections-per-client", in: 1...100_000) {
            limits.webConnectionsPerClient = value
        }
        if let value = section.duration("drain", in: .zero ... .seconds(25)) { limits.drain = value }
        if let value = section.octets("in-flight") {
            if 1 << 20...1 << 40 ~= value {
                limits.inFlightOctets = value
            } else {
                section.fail("in-flight", "must be 1MiB to 1024GiB")
            }
        }
    }

    func readQueue(_ queue: inout QueueTimes) {
        guard let section = root.table("queue") else { return }
        section.check(Schema.queue)
        if let retry = section.list("retry", Quantity.durationHint, Quantity.duration) {
            if retry.isEmpty || retry.contains(where: { $0 < .milliseconds(100) }) {
                section.fail("retry", "needs at least one wait, and none shorter than 100ms")
            } else {
                queue.retry = retry
            }
        }
        if let lifetime = section.duration("lifetime", in: .seconds(1) ... .seconds(365 * 86_400)) {
            queue.lifetime = lifetime
        }
    }

    func readLog(_ log: inout LogSettings) {
        guard let section = root.table("log") else { return }
        section.check(Schema.log)
        if let format = section.word("format", LogSettings.Format.self) { log.format = format }
        if let level = section.word("level", LogSettings.Level.self) { log.level = level }
    }
}
