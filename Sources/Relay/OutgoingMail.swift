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
    private let header: HeaderSection
    private let hostname: String
    private let queueID: String
    private let arrival: Int64

    /// Where the stored note cannot be read, the mail goes out all the same, untracked: nobody knows the id that its
    /// tokens carry. So does a mail whose decision is damaged.
    /// - Throws: ``TrackingDecision/Unreadable/later(_:)``: a decision that is whole is kept to, or the mail waits.
    init(
        _ message: QueuedMessage, original: [UInt8], hostname: String, codec: TokenCodec
    ) throws(TrackingDecision.Unreadable) {
        self.original = original
        self.hostname = hostname
        queueID = message.id.description
        arrival = message.arrival
        let stored = MessageNote(encoded: message.note)
        let note = stored ?? MessageNote(message: .unknown)
        self.note = note
        let read = try Self.decision(message)
        let decision = stored == nil ? nil : read
        self.decision = decision
        prepared = decision.map {
            MessageTransform(decision: $0, message: note.message, codec: codec).prepare(original)
        }
        header = HeaderSection.parseAll(original, looseBase64Continuation: [TraceHeader.name])
    }

    private static func decision(_ message: QueuedMessage) throws(TrackingDecision.Unreadable) -> TrackingDecision? {
        guard !message.decision.isEmpty else { return nil }
        do throws(TrackingDecision.Unreadable) {
            return try TrackingDecision(encoded: message.decision)
        } catch {
            guard case .damaged = error else { throw error }
            return nil
        }
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
            edits = fixUps(denied, isRewritten: false)
            outcome = denied
        } else if let prepared {
            let rendered = prepared.render(recipient: recipient)
            outcome = rendered.outcome
            do {
                edits = fixUps(rendered.outcome, isRewritten: !rendered.edits.isEmpty)
                for splice in rendered.edits.splices { try edits.add(splice) }
                if let limit, !rendered.edits.isEmpty, edits.resultCount(originalCount: original.count) > limit {
                    let tooLarge = TransformOutcome.passedThrough(.tooLargeForUpstream, rendered.outcome.report)
                    edits = fixUps(tooLarge, isRewritten: false)
                    outcome = tooLarge
                }
            } catch {
                // The fix-ups and the transform want the same octets: the original goes out, with what a relay must add.
                let failed = TransformOutcome.passedThrough(.selfCheckFailed, rendered.outcome.report)
                edits = fixUps(failed, isRewritten: false)
                outcome = failed
            }
        } else {
            edits = fixUps(nil, isRewritten: false)
        }
        var pieces: [ArraySlice<UInt8>] = []
        pieces.reserveCapacity(edits.splices.count * 2 + 1)
        edits.forEachPiece(of: original) { pieces.append($0) }
        return (OutgoingContent(pieces: pieces), edits.resultCount(originalCount: original.count), outcome)
    }

    private func fixUps(_ outcome: TransformOutcome?, isRewritten: Bool) -> SpliceList {
        let maker = HeaderFixUps(
            hostname: hostname, queueID: queueID, note: note, arrival: arrival, isRewritten: isRewritten,
            request: request(outcome))
        return maker.splices(header, in: original)
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
