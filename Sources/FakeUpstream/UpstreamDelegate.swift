import Foundation
import SMTPProtocol
import SMTPTransport
import Synchronization

/// Decides as the profile and the script say, and captures.
final class UpstreamDelegate: ServerDelegate {
    struct Captured {
        var messages: [CapturedMessage] = []
        var count = 0
    }

    let captured = Mutex(Captured())
    let listener = Mutex<(@Sendable (CapturedMessage) -> Void)?>(nil)
    private let settings: FakeUpstream.Settings
    private let script: FaultScript
    private let files = DispatchQueue(label: "tracerelay.capture")

    init(_ settings: FakeUpstream.Settings, _ script: FaultScript) {
        self.settings = settings
        self.script = script
    }

    func connected(_ connection: ConnectionFacts) -> Reply? { nil }

    func configure(_ settings: inout ServerSession.Settings, for connection: ConnectionFacts) {
        let isDirectMail = self.settings.profile == .directmail
        // Direct Mail takes AUTH in clear too; so does an upstream without TLS.
        settings.authentication = .offered(
            isMandatory: self.settings.requiresAuthentication || isDirectMail,
            allowsClear: isDirectMail || self.settings.tls == .none)
    }

    func sender(_ path: ReversePath, _ parameters: MailParameters, _ connection: ConnectionFacts)
        -> ServerSession.Verdict
    {
        guard settings.profile == .directmail, let user = connection.authenticatedUser, path.description != user else {
            return .accept
        }
        return .reply(
            Reply(
                436, nil,
                "\"MAIL FROM\" doesn't conform with authentication (Auth Account:\(user)|Mail Account:\(path))"))
    }

    func recipient(_ path: ForwardPath, _ envelope: Envelope, _ connection: ConnectionFacts) -> ServerSession.Verdict {
        .accept
    }

    func authenticate(_ credentials: Credentials, _ connection: ConnectionFacts) async -> ServerSession.Verdict {
        guard let wanted = settings.credentials, wanted != credentials else { return .accept }
        return .reply(Reply(535, EnhancedStatusCode(5, 7, 8), "Authentication failure"))
    }

    func makeSpill() throws -> MemorySpill { MemorySpill() }

    func intervene(at event: String, argument: String, _ connection: ConnectionFacts) -> Intervention {
        // What happens to content is decided in `message`, where it is known whether it is captured.
        guard event != "content", let fault = script.next(at: event, argument) else { return .proceed }
        return intervention(fault)
    }

    private func intervention(_ fault: Fault) -> Intervention {
        let reply = fault.parsedReply ?? Reply(451, EnhancedStatusCode(4, 3, 0), "Scripted fault")
        switch fault.action {
        case .reply: return .reply(reply)
        case .disconnect: return .disconnect(reply)
        case .hangUp, .acceptAndHangUp: return .hangUp
        case .delay: return .delay(milliseconds: fault.milliseconds ?? 0)
        }
    }

    func message(_ envelope: Envelope, _ content: ReceivedContent<MemorySpill>, _ connection: ConnectionFacts) async
        -> ServerSession.Verdict
    {
        let bytes: [UInt8] =
            switch content {
            case .memory(let bytes): bytes
            case .spilled(let spill): spill.bytes.withLock { $0 }
            }
        let fault = script.next(at: "content", envelope.recipients.first?.description ?? "")
        switch fault?.action {
        case .reply: return .reply(fault?.parsedReply ?? Reply(451, nil, "Scripted fault"))
        case .disconnect: return .disconnect(fault?.parsedReply ?? Reply(421, nil, "Scripted fault"))
        case .hangUp: return .hangUp
        case .acceptAndHangUp:
            await capture(envelope, bytes, connection)
            return .hangUp
        case .delay: try? await Task.sleep(for: .milliseconds(fault?.milliseconds ?? 0))
        case nil: break
        }
        return .reply(await capture(envelope, bytes, connection))
    }

    @discardableResult
    private func capture(_ envelope: Envelope, _ bytes: [UInt8], _ connection: ConnectionFacts) async -> Reply {
        let settings = settings
        let (message, reply) = captured.withLock { captured -> (CapturedMessage, Reply) in
            captured.count += 1
            let number = captured.count
            let reply =
                settings.profile == .directmail
                ? Reply(250, nil, "Data Ok: queued as freedom ###envid=\(600_000_000_000 + number)")
                : Reply(250, EnhancedStatusCode(2, 0, 0), "Ok: queued as \(number)")
            let message = CapturedMessage(
                number: number, time: Int64(Date().timeIntervalSince1970 * 1_000),
                from: envelope.reversePath.description,
                to: envelope.recipients.map(\.description), helo: connection.helloName ?? "", tls: connection.tls,
                user: connection.authenticatedUser, octets: bytes.count, reply: reply.description,
                content: settings.keepsContents ? bytes : [])
            captured.messages.append(message)
            return (message, reply)
        }
        if let directory = settings.directory {
            await withCheckedContinuation { continuation in
                files.async {
                    Self.write(message, bytes, directory)
                    continuation.resume()
                }
            }
        }
        listener.withLock { $0 }?(message)
        return reply
    }

    private static func write(_ message: CapturedMessage, _ bytes: [UInt8], _ directory: String) {
        let name = String(repeating: "0", count: max(0, 6 - String(message.number).count)) + String(message.number)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        _ = FileManager.default.createFile(atPath: "\(directory)/\(name).eml", contents: Data(bytes))
        // The JSON comes last: who waits for it finds both.
        _ = FileManager.default.createFile(atPath: "\(directory)/\(name).json", contents: try? encoder.encode(message))
    }

    func disconnected(_ connection: ConnectionFacts, _ summary: SessionSummary) {}
}

/// A test server keeps even large contents in memory.
final class MemorySpill: ContentSpill {
    let bytes = Mutex<[UInt8]>([])

    func append(_ piece: [UInt8]) async throws { bytes.withLock { $0 += piece } }
    func discard() { bytes.withLock { $0 = [] } }
}
