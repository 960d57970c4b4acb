import MailMessage
import MessageQueue
import SMTPTransport
import Tracking

/// A queued mail with every decision taken: renders what goes upstream for a recipient, the same octets at each attempt.
struct OutgoingMail: Sendable {
    let original: [UInt8]
    let note: MessageNote
    let decision: TrackingDecision?
    private let prepared: PreparedMessage?
    private let fixUps: [Splice]

    /// - Parameter note: `nil` where the stored one cannot be read: the mail goes out all the same.
    init(_ message: QueuedMessage, original: [UInt8], hostname: String, codec: TokenCodec) {
        self.original = original
        let note =
            MessageNote(encoded: message.note)
            ?? MessageNote(
                message: TrackingMessageID(bytes: [UInt8](repeating: 0, count: 10))
                    ?? TrackingMessageID(using: &Self.generator))
        self.note = note
        let decision = message.decision.isEmpty ? nil : TrackingDecision(encoded: message.decision)
        self.decision = decision
        prepared = decision.map {
            MessageTransform(decision: $0, message: note.message, codec: codec).prepare(original)
        }
        let header = try? HeaderSection.parse(
            original, in: original.indices, looseBase64Continuation: [TraceHeader.name])
        let maker = HeaderFixUps(
            hostname: hostname, queueID: message.id.description, note: note, arrival: message.arrival,
            decision: decision)
        fixUps = header.map { maker.splices($0, in: original) } ?? []
    }

    private static var generator: SystemRandomNumberGenerator {
        get { SystemRandomNumberGenerator() }
        set { _ = newValue }
    }

    /// Whether each recipient gets a copy of their own.
    var isSplit: Bool { decision?.mode == .local && decision?.recipients == .split && prepared?.isTracked == true }

    /// The content for a recipient.
    /// - Returns: the pieces, their octets, and the outcome of the transform where the mail is tracked.
    func render(recipient: Int) -> (content: OutgoingContent, octets: Int, outcome: TransformOutcome?) {
        var (edits, outcome) =
            prepared.map { prepared in
                let rendered = prepared.render(recipient: recipient)
                return (rendered.edits, Optional(rendered.outcome))
            } ?? (SpliceList(), nil)
        do {
            for splice in fixUps { try edits.add(splice) }
        } catch {
            // The fix-ups and the transform want the same octets: the original goes out, with what a relay must add.
            edits = SpliceList()
            for splice in fixUps { try? edits.add(splice) }
            outcome = outcome.map { .passedThrough(.selfCheckFailed, $0.report) }
        }
        var pieces: [ArraySlice<UInt8>] = []
        pieces.reserveCapacity(edits.splices.count * 2 + 1)
        edits.forEachPiece(of: original) { pieces.append($0) }
        return (OutgoingContent(pieces: pieces), edits.resultCount(originalCount: original.count), outcome)
    }
}
