import Foundation
import NIOCore
import NIOPosix
import OpenSSLBridge
public import SMTPProtocol
import SMTPTransport
import Synchronization

/// A scripted upstream: real SMTP over real sockets, STARTTLS with a certificate authority made for the run, AUTH,
/// captured messages and faults.
public final class FakeUpstream: Sendable {
    /// How it behaves.
    public struct Settings: Sendable {
        /// Whose words and rules.
        public enum Profile: String, Sendable, CaseIterable { case plain, directmail }
        /// TLS.
        public enum TLS: String, Sendable, CaseIterable { case starttls, implicit, none }

        /// Where it listens.
        public var host = "127.0.0.1"
        /// 0 lets the system choose.
        public var port = 0
        /// Whose words and rules.
        public var profile = Profile.plain
        /// Keywords of EHLO that it does not offer, such as `8BITMIME` or `PIPELINING`.
        public var withheld: Set<String> = []
        /// TLS.
        public var tls = TLS.starttls
        /// Names and addresses in its certificate.
        public var certificateNames = ["localhost", "127.0.0.1", "::1"]
        /// Seconds from now in which its certificate is valid.
        public var certificateValidity = -3_600...(30 * 86_400)
        /// Whether AUTH is needed before MAIL; always with ``Profile/directmail``.
        public var requiresAuthentication = false
        /// Name and password that are taken; `nil` for any.
        public var credentials: Credentials?
        /// Where messages go as `.eml` and `.json`; `nil` keeps them in memory only.
        public var directory: String?
        /// Contents kept in memory.
        public var keepsContents = true
        /// The faults.
        public var script: FaultScript?
        /// Octets of a message.
        public var maximumMessageOctets = 25 << 20

        /// A plain upstream with STARTTLS on a free port.
        public init() {}
    }

    private let server: SMTPServer
    private let delegate: UpstreamDelegate
    /// The authority that signed its certificate, as PEM: what a client trusts.
    public let authorityPEM: [UInt8]
    /// The faults; more may be added while it runs.
    public let script: FaultScript

    private init(server: SMTPServer, delegate: UpstreamDelegate, authorityPEM: [UInt8], script: FaultScript) {
        self.server = server
        self.delegate = delegate
        self.authorityPEM = authorityPEM
        self.script = script
    }

    /// Starts.
    /// - Throws: where the address cannot be bound or the directory cannot be made.
    public static func start(
        _ settings: Settings = Settings()
    ) async throws -> FakeUpstream {
        let authority = try CertificateAuthority(commonName: "tracerelay fake upstream CA")
        let script = try settings.script ?? FaultScript([])
        if let directory = settings.directory {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        let delegate = UpstreamDelegate(settings, script)
        var session = ServerSession.Settings(hostname: "upstream.test")
        session.dialect = settings.profile == .directmail ? .directMail : .standard
        session.maximumMessageOctets = settings.maximumMessageOctets
        session.withheld = Set(settings.withheld.map { $0.uppercased() })
        session.maximumRecipients = settings.profile == .directmail ? 60 : 1_000
        session.offersStartTLS = settings.tls == .starttls
        var options = ListenerOptions(
            name: "fake-upstream", host: settings.host, port: settings.port, session: session,
            connections: ConnectionCounter(maximum: 10_000, maximumPerClient: 10_000))
        options.bareNewlines = .reject
        if settings.tls != .none {
            options.tls = try TLSServerContext(
                authority.issue(names: settings.certificateNames, validity: settings.certificateValidity))
            options.isImplicitTLS = settings.tls == .implicit
        }
        let server = try await SMTPServer.start(
            options, delegate: delegate, group: MultiThreadedEventLoopGroup.singleton)
        return FakeUpstream(server: server, delegate: delegate, authorityPEM: authority.certificatePEM, script: script)
    }

    /// The port it listens on.
    public var port: Int { server.port }

    /// What it took so far.
    public var messages: [CapturedMessage] { delegate.captured.withLock { $0.messages } }

    /// How many messages it took so far.
    public var count: Int { delegate.captured.withLock { $0.count } }

    /// Waits until it has taken so many messages.
    /// - Returns: `false` where that takes longer than `timeout`.
    public func wait(for count: Int, timeout: Duration = .seconds(30)) async -> Bool {
        let end = ContinuousClock.now + timeout
        while self.count < count {
            guard ContinuousClock.now < end else { return false }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return true
    }

    /// Called with each message, after it is captured.
    public func onMessage(_ body: @escaping @Sendable (CapturedMessage) -> Void) {
        delegate.listener.withLock { $0 = body }
    }

    /// Stops listening.
    public func stop() async { await server.close() }
}
