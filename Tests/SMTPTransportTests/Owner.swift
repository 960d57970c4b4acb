import NIOCore
import NIOPosix
import OpenSSLBridge
import SMTPProtocol
import SMTPTransport
import Synchronization
import TestSupport

/// Takes every mail, and keeps what came.
final class Owner: ServerDelegate {
    struct Kept {
        var mails: [[UInt8]] = []
        var discarded = 0
        /// Mails that were given up while they were judged.
        var withdrawn = 0
        var ends: [SessionSummary] = []
    }

    let kept = Mutex(Kept())
    let synchronisation: ServerSession.Synchronisation
    let judging: Duration

    init(_ synchronisation: ServerSession.Synchronisation = .lenient, judging: Duration = .zero) {
        self.synchronisation = synchronisation
        self.judging = judging
    }

    func connected(_ connection: ConnectionFacts) -> Reply? { nil }

    func configure(_ settings: inout ServerSession.Settings, for connection: ConnectionFacts) {
        settings.synchronisation = synchronisation
        settings.authentication = .offered(isMandatory: false, allowsClear: true)
    }

    func sender(
        _ path: ReversePath, _ parameters: MailParameters, _ connection: ConnectionFacts
    ) -> ServerSession.Verdict { .accept }

    func recipient(_ path: ForwardPath, _ envelope: Envelope, _ connection: ConnectionFacts) -> ServerSession.Verdict {
        .accept
    }

    func authenticate(_ credentials: Credentials, _ connection: ConnectionFacts) async -> ServerSession.Verdict {
        .accept
    }

    func makeSpill() throws -> Pile { Pile() }

    func message(
        _ envelope: Envelope, _ content: ReceivedContent<Pile>, _ connection: ConnectionFacts
    ) async -> ServerSession.Verdict {
        if judging > .zero { try? await Task.sleep(for: judging) }
        guard !Task.isCancelled else {
            kept.withLock { $0.withdrawn += 1 }
            return .accept
        }
        let bytes =
            switch content {
            case .memory(let bytes): bytes
            case .spilled(let pile): pile.bytes.withLock { $0 }
            }
        kept.withLock { $0.mails.append(bytes) }
        return .accept
    }

    func disconnected(_ connection: ConnectionFacts, _ summary: SessionSummary) {
        kept.withLock { $0.ends.append(summary) }
    }

    /// Waits for the end of connections.
    /// - Returns: how so many ended, or how fewer did in all the time there is.
    func ends(_ count: Int) async throws -> [SessionSummary] {
        _ = try await eventually { kept.withLock { $0.ends.count } >= count }
        return kept.withLock { $0.ends }
    }
}

final class Pile: ContentSpill {
    let bytes = Mutex<[UInt8]>([])
    let isDiscarded = Mutex(false)

    func append(_ piece: [UInt8]) async throws { bytes.withLock { $0 += piece } }
    func discard() { isDiscarded.withLock { $0 = true } }
}

enum Listener {
    /// A server of that owner on loopback.
    static func start(
        _ owner: Owner, maximum: Int = 100, tls: Bool = false, implicit: Bool = false,
        _ change: (inout ServerDeadlines) -> Void = { _ in }
    ) async throws -> (server: SMTPServer, counter: ConnectionCounter) {
        let counter = ConnectionCounter(maximum: maximum, maximumPerClient: maximum)
        var session = ServerSession.Settings(hostname: "server.test")
        session.offersStartTLS = tls
        var options = ListenerOptions(name: "test", host: "127.0.0.1", port: 0, session: session, connections: counter)
        change(&options.deadlines)
        if tls || implicit {
            options.tls = try TLSServerContext(CertificateAuthority(commonName: "Test").issue(names: ["localhost"]))
            options.isImplicitTLS = implicit
        }
        let server = try await SMTPServer.start(options, delegate: owner, group: MultiThreadedEventLoopGroup.singleton)
        return (server, counter)
    }
}
