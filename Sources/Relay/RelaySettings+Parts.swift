import Foundation
import MessageQueue
import OpenSSLBridge
import RelayConfiguration
import SMTPProtocol
import SMTPTransport
import Tracking

extension RelaySettings {
    var retrySchedule: RetrySchedule {
        RetrySchedule(
            waits: queue.retry.map { Int64($0 / .milliseconds(1)) }, lifetime: Int64(queue.lifetime / .milliseconds(1)))
    }
}

extension RelaySettings {
    /// Files and sockets that intake, deliveries, queue and events may need at a time.
    var descriptors: Int {
        limits.connections + upstreams.values.reduce(0) { $0 + $1.limits.connections } + 200
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
        limits = settings.limits
    }

    private static func credentials(_ settings: UpstreamSettings) throws -> Credentials? {
        guard let username = settings.username else { return nil }
        // Under systemd the service may not be allowed to read the file, which is what the credential is for.
        let credential = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"].map {
            "\($0)/upstream-\(settings.name)-password"
        }
        let given = credential.flatMap { TrackingKeys.isThere($0) ? $0 : nil }
        guard let path = given ?? settings.passwordFile else {
            throw StartFailure(
                "upstream \(settings.name) has a username and no password; set password-file, or the systemd credential "
                    + "upstream-\(settings.name)-password", exitCode: 78)
        }
        let octets: [UInt8]
        do {
            octets = try SmallFile.read(path)
        } catch {
            throw StartFailure("upstream \(settings.name): password-file: \(error)", exitCode: 78)
        }
        // As it stands: blanks may be part of a password, a byte order mark and the line's end are not.
        let marked = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? octets.dropFirst(3) : octets[...]
        let line = marked.prefix { $0 != 0x0A && $0 != 0x0D }
        guard !line.isEmpty else {
            throw StartFailure("upstream \(settings.name): the first line of \(path) is empty", exitCode: 78)
        }
        return Credentials(username: username, password: Secret(Array(line)))
    }
}
