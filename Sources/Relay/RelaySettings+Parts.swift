import Foundation
import MessageQueue
import NIOCore
import OpenSSLBridge
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import StorageSQLite
import Tracking

extension RelaySettings {
    var retrySchedule: RetrySchedule {
        RetrySchedule(
            waits: queue.retry.map { Int64($0 / .milliseconds(1)) }, lifetime: Int64(queue.lifetime / .milliseconds(1)))
    }
}

extension RelaySettings {
    /// The policy of a tag; the defaults for mail without one.
    func policy(of tag: String) -> TagPolicy { TagName(tag).flatMap { policies.tags[$0] } ?? policies.defaults }

    var retention: Retention {
        func clocks(_ policy: TagPolicy) -> RetentionClocks {
            RetentionClocks(
                personal: Int64(policy.keepPersonal / .milliseconds(1)),
                hits: Int64(policy.keepHits / .milliseconds(1)),
                figures: Int64(policy.keepFigures / .milliseconds(1)))
        }
        return Retention(
            tags: Dictionary(uniqueKeysWithValues: policies.tags.map { ($0.key.description, clocks($0.value)) }),
            others: clocks(policies.defaults))
    }
}

extension UpstreamRoute {
    /// The route of an `[upstream.NAME]`; reads its CA file and password.
    /// - Throws: ``TLSError`` or ``StartFailure``.
    init(_ settings: UpstreamSettings, hostname: String) throws {
        let protection: Protection
        switch settings.tls {
        case .none: protection = .none
        case .starttls, .implicit:
            let context = try TLSClientContext(trust: settings.caFile.map { .file($0) } ?? .system)
            protection =
                settings.tls == .starttls
                ? .startTLS(context, serverName: settings.serverName)
                : .implicitTLS(context, serverName: settings.serverName)
        }
        self.init(
            name: settings.name, host: settings.address.host, port: settings.address.port, protection: protection,
            hostname: hostname, credentials: try Self.credentials(settings))
        maximumConnections = settings.connections
        messagesPerConnection = settings.messagesPerConnection
        connectionAge = .nanoseconds(Int64(settings.connectionAge / .nanoseconds(1)))
        connectionIdle = .nanoseconds(Int64(settings.connectionIdle / .nanoseconds(1)))
        connectTimeout = .nanoseconds(Int64(settings.connectTimeout / .nanoseconds(1)))
        commandTimeout = .nanoseconds(Int64(settings.commandTimeout / .nanoseconds(1)))
        finalDotTimeout = .nanoseconds(Int64(settings.finalDotTimeout / .nanoseconds(1)))
    }

    private static func credentials(_ settings: UpstreamSettings) throws -> Credentials? {
        guard let username = settings.username else { return nil }
        // Under systemd the service may not be allowed to read the file, which is what the credential is for.
        let credential = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"].map {
            "\($0)/upstream-\(settings.name)-password"
        }
        let given = credential.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
        guard let path = given ?? settings.passwordFile else {
            throw StartFailure(
                "upstream \(settings.name) has a username and no password; set password-file, or the systemd credential "
                    + "upstream-\(settings.name)-password", exitCode: 78)
        }
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw StartFailure("upstream \(settings.name): cannot read password file \(path)", exitCode: 78)
        }
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty else { throw StartFailure("upstream \(settings.name): \(path) is empty", exitCode: 78) }
        return Credentials(username: username, password: Secret(Array(line)))
    }
}

/// Names and password hashes: `NAME:HASH` a line.
enum AuthFile {
    /// Listener name to its users.
    static func read(_ listeners: [ListenerSettings]) throws -> [String: [String: String]] {
        var result: [String: [String: String]] = [:]
        for listener in listeners {
            guard let path = listener.authFile else { continue }
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw StartFailure("listener \(listener.address): cannot read auth-file \(path)", exitCode: 78)
            }
            var users: [String: String] = [:]
            for (number, line) in String(decoding: bytes, as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false
            )
            .enumerated() {
                let text = line.drop { $0 == " " }
                guard !text.isEmpty, !text.hasPrefix("#") else { continue }
                guard let colon = text.lastIndex(of: ":"), text[text.index(after: colon)...].hasPrefix("pbkdf2-sha256$")
                else {
                    throw StartFailure(
                        "\(path):\(number + 1):1: expected NAME:HASH; make the line with `tracerelay password NAME`",
                        exitCode: 78)
                }
                users[String(text[..<colon])] = String(text[text.index(after: colon)...])
            }
            result[listener.address.description] = users
        }
        return result
    }
}
