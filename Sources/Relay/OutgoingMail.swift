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
    private let header: HeaderSection?
    private let hostname: String
    private let queueID: String
    private let arrival: Int64

    /// Where the stored note cannot be read, the mail goes out all the same.
    init(_ message: QueuedMessage, original: [UInt8], hostname: String, codec: TokenCodec) {
        self.original = original
        self.hostname = hostname
        queueID = message.id.description
        arrival = message.arrival
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
        header = try? HeaderSection.parse(
            original, in: original.indices, looseBase64Continuation: [TraceHeader.name])
    }

    private static var generator: SystemRandomNumberGenerator {
        get { SystemRandomNumberGenerator() }
        set { _ = newValue }
    }

    /// Whether each recipient gets a copy of their own.
    var isSplit: Bool { decision?.mode == .local && decision?.recipients == .split && prepared?.isTracked == true }

    /// The content for a recipient.
    /// - Parameters:
    ///   - limit: octets the upstream takes; a copy that tracking makes too large goes out as it came.
    ///   - isDenied: whether the recipient is on the deny list.
    /// - Returns: the pieces, their octets, and the outcome of the transform where the mail is tracked.
    func render(
        recipient: Int, limit: Int? = nil, isDenied: Bool = false
    ) -> (content: OutgoingContent, octets: Int, outcome: TransformOutcome?) {
        var outcome: TransformOutcome?
        var edits = SpliceList()
        if isDenied, prepared != nil {
            let denied = TransformOutcome.passedThrough(.recipientDenied, TransformReport())
            edits = (try? fixUps(denied, isRewritten: false)) ?? SpliceList()
            outcome = denied
        } else if let prepared {
            let rendered = prepared.render(recipient: recipient)
            outcome = rendered.outcome
            do {
                edits = try fixUps(rendered.outcome, isRewritten: !rendered.edits.isEmpty)
                for splice in rendered.edits.splices { try edits.add(splice) }
                if let limit, !rendered.edits.isEmpty, edits.resultCount(originalCount: original.count) > limit {
                    let tooLarge = TransformOutcome.passedThrough(.tooLargeForUpstream, rendered.outcome.report)
                    edits = try fixUps(tooLarge, isRewritten: false)
                    outcome = tooLarge
                }
            } catch {
                // The fix-ups and the transform want the same octets: the original goes out, with what a relay must add.
                let failed = TransformOutcome.passedThrough(.selfCheckFailed, rendered.outcome.report)
                edits = (try? fixUps(failed, isRewritten: false)) ?? SpliceList()
                outcome = failed
            }
        } else {
            edits = (try? fixUps(nil, isRewritten: false)) ?? SpliceList()
        }
        var pieces: [ArraySlice<UInt8>] = []
        pieces.reserveCapacity(edits.splices.count * 2 + 1)
        edits.forEachPiece(of: original) { pieces.append($0) }
        return (OutgoingContent(pieces: pieces), edits.resultCount(originalCount: original.count), outcome)
    }

    private func fixUps(_ outcome: TransformOutcome?, isRewritten: Bool) throws(SpliceOverlap) -> SpliceList {
        var list = SpliceList()
        guard let header else { return list }
        let maker = HeaderFixUps(
            hostname: hostname, queueID: queueID, note: note, arrival: arrival, isRewritten: isRewritten,
            request: request(outcome))
        for splice in maker.splices(header, in: original) { try list.add(splice) }
        return list
    }

    /// A mail that must not be changed is not to be changed by the upstream either: it keeps its tag, for the statistics.
    private func request(_ outcome: TransformOutcome?) -> TraceRequest? {
        guard let decision, decision.mode == .upstream else { return nil }
        let isTracked =
            switch outcome {
            // A mail without HTML is none that must not be changed.
            case .tracked?, .passedThrough(.noHTMLPart, _)?: true
            case .passedThrough?, nil: false
            }
        return TraceRequest(
            tagName: decision.tag.description, opens: isTracked && decision.opens, clicks: isTracked && decision.clicks)
    }
}
