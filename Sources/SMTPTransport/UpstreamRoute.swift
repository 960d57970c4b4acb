public import NIOCore
public import OpenSSLBridge
public import SMTPProtocol

/// Where and how an upstream is reached.
public struct UpstreamRoute: Sendable {
    /// How the connection is protected.
    public enum Protection: Sendable {
        /// STARTTLS, required.
        case startTLS(TLSClientContext, serverName: String)
        /// TLS from the start.
        case implicitTLS(TLSClientContext, serverName: String)
        /// In clear.
        case none
    }

    /// The name in relay.conf.
    public var name: String
    /// Host or address.
    public var host: String
    /// Port.
    public var port: Int
    /// TLS.
    public var protection: Protection
    /// Our name in EHLO.
    public var hostname: String
    /// Credentials for AUTH.
    public var credentials: Credentials?
    /// At most so many connections.
    public var maximumConnections = 20
    /// Mails on one connection.
    public var messagesPerConnection = 100
    /// Age of a connection.
    public var connectionAge = TimeAmount.seconds(300)
    /// Idle time of a connection.
    public var connectionIdle = TimeAmount.seconds(30)
    /// Deadline for TCP and for the TLS handshake.
    public var connectTimeout = TimeAmount.seconds(30)
    /// Deadline for a reply.
    public var commandTimeout = TimeAmount.seconds(300)
    /// Deadline for the reply to the content's end.
    public var finalDotTimeout = TimeAmount.seconds(600)

    /// A route with the default limits.
    public init(
        name: String, host: String, port: Int, protection: Protection, hostname: String, credentials: Credentials? = nil
    ) {
        self.name = name
        self.host = host
        self.port = port
        self.protection = protection
        self.hostname = hostname
        self.credentials = credentials
    }

    var sessionSettings: ClientSession.Settings {
        switch protection {
        case .startTLS: .init(hostname: hostname, requiresStartTLS: true, credentials: credentials)
        case .implicitTLS:
            .init(hostname: hostname, requiresStartTLS: false, isImplicitTLS: true, credentials: credentials)
        case .none: .init(hostname: hostname, requiresStartTLS: false, credentials: credentials)
        }
    }
}

/// A message's content as pieces that are sent one after the other; slices of the original and of replacements.
public struct OutgoingContent: Sendable {
    /// The pieces, in order; lines end with CRLF.
    public let pieces: [ArraySlice<UInt8>]

    /// A content.
    public init(pieces: [ArraySlice<UInt8>]) { self.pieces = pieces }

    /// All of it in one piece.
    public var joined: [UInt8] { pieces.count == 1 ? Array(pieces[0]) : pieces.flatMap { $0 } }
}

/// Why an upstream took nothing over.
public enum UpstreamFailure: Error, Sendable, Hashable {
    /// No TCP connection.
    case connect(String)
    case tls(TLSError)
    case session(ClientFailure)
    /// No answer in time.
    case timedOut(DialoguePhase)
    /// The connection ended.
    case lost(DialoguePhase)

    /// The failure in words.
    public var sentence: String {
        switch self {
        case .connect(let text): "cannot connect: \(text)"
        case .tls(let error): "TLS: \(error)"
        case .session(let failure): failure.sentence
        case .timedOut(let phase): "no answer in time (\(phase.rawValue))"
        case .lost(let phase): "connection lost (\(phase.rawValue))"
        }
    }

    /// Whether only a change of configuration or at the vendor's heals it: the upstream pauses and alerts.
    public var needsOperator: Bool {
        switch self {
        case .tls(.truncated), .tls(.corrupted): false
        case .tls, .session(.authenticationRefused), .session(.authenticationNotOffered), .session(.startTLSNotOffered):
            true
        default: false
        }
    }
}

/// What an attempt came to.
public struct DeliveryReport: Sendable {
    /// The end of it.
    public enum Outcome: Sendable {
        /// The upstream has spoken on each recipient.
        case answered([RecipientReply])
        /// Nothing was taken over.
        case failed(UpstreamFailure)
        /// The upstream does not take 8-bit content (no 8BITMIME): nothing was sent, and the connection stands.
        case needsSevenBit
        /// The content went out whole, and then the connection was lost: the upstream may have it or not.
        case uncertain(UpstreamFailure)
    }

    /// The end of it.
    public var outcome: Outcome
    /// Version and cipher of TLS.
    public var tls: String?
    /// Days until the upstream's certificate ends.
    public var certificateDaysLeft: Int?
    /// Time for the connection, where one was made.
    public var setup: Duration = .zero
    /// Time from MAIL to the last reply.
    public var transmission: Duration = .zero

    /// A report without times.
    public init(outcome: Outcome) { self.outcome = outcome }
}
