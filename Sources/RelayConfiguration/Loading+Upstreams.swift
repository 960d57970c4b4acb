import SMTPProtocol
import TOMLKit
import Tracking

extension Loading {
    func upstreams() -> [String: UpstreamSettings] {
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
        section.check(Schema.upstream)
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
            upstream.lacksSMTPUTF8 = true
            upstream.maximumRecipients = 60
        }
        upstream.replies.softBounce = section.boolean("soft-bounce") ?? false
        upstream.rewritesSender = section.boolean("rewrite-sender") ?? false
        read(section, &upstream.limits)
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

    private func read(_ section: SectionReader, _ limits: inout ClientLimits) {
        if let value = section.integer("connections", in: 1...1_000) { limits.connections = value }
        if let value = section.integer("messages-per-connection", in: 1...1_000_000) {
            limits.messagesPerConnection = value
        }
        let times: [(String, WritableKeyPath<ClientLimits, Duration>)] = [
            ("connection-age", \.connectionAge), ("connection-idle", \.connectionIdle),
            ("connect-timeout", \.connectTimeout), ("command-timeout", \.commandTimeout),
            ("final-dot-timeout", \.finalDotTimeout),
        ]
        for (key, path) in times {
            if let value = section.duration(key, in: .milliseconds(100)...Self.day) { limits[keyPath: path] = value }
        }
    }
}
