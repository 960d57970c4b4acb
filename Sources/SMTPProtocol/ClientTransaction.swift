/// MAIL, RCPT, DATA and content as one value: pipelined where the server can (RFC 2920), else in lock-step.
///
/// Each step takes one reply, or none at all: what comes while the content still goes out ends the connection, and so does
/// a reply to what was not said yet.
struct ClientTransaction: Sendable {
    private enum Step: Sendable, Hashable {
        case mail
        case recipient(Int)
        case data
        /// The content goes out; nothing is to be said now.
        case sending
        /// The content is out with its end, and its verdict is due.
        case verdict
        /// The empty content of a DATA that a server took although it refused every recipient (RFC 2920 §3.1).
        case emptyContent
        case over
    }

    private let transaction: Transaction
    private let capabilities: ServerCapabilities
    private var step = Step.mail
    private var mailRefusal: Reply?
    /// `nil` where RCPT was accepted and no verdict is in.
    private var results: [RecipientReply?]

    init(_ transaction: Transaction, capabilities: ServerCapabilities) {
        self.transaction = transaction
        self.capabilities = capabilities
        results = Array(repeating: nil, count: transaction.recipients.count)
    }

    var isOver: Bool { step == .over }
    /// Whether the server still holds an open transaction.
    private(set) var needsReset = false

    /// What it means for the mail if the connection ends now.
    var standing: MailStanding {
        switch step {
        case .mail: .unanswered
        case .verdict: .awaitsVerdict
        case .recipient, .data, .sending, .emptyContent, .over: .notTaken
        }
    }

    var phase: DialoguePhase {
        switch step {
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .sending, .verdict, .emptyContent, .over: .content
        }
    }

    mutating func start() -> [ClientSession.Action] {
        if transaction.needsSMTPUTF8, !capabilities.smtpUTF8 {
            let code = EnhancedStatusCode(5, 6, 7)
            mailRefusal = Reply(553, code, "The upstream does not offer SMTPUTF8, which this mail needs")
            return finish()
        }
        var bytes = ClientSession.line(mailCommand)
        if capabilities.pipelining {
            for recipient in transaction.recipients { bytes += ClientSession.line("RCPT TO:<\(recipient)>") }
            bytes += ClientSession.line("DATA")
        }
        return [.send(bytes)]
    }

    private var mailCommand: String {
        var command = "MAIL FROM:<\(transaction.reversePath)>"
        if capabilities.size != nil { command += " SIZE=\(transaction.octets)" }
        if capabilities.eightBitMIME, transaction.isEightBit { command += " BODY=8BITMIME" }
        if capabilities.smtpUTF8, transaction.needsSMTPUTF8 { command += " SMTPUTF8" }
        return command
    }

    // MARK: Replies

    /// - Parameter hasMore: whether bytes were received behind it, and so were sent before its answer could be.
    mutating func receive(_ reply: Reply, hasMore: Bool) -> [ClientSession.Action] {
        // RFC 5321 §4.2.1: only DATA is answered by 3xx. At the content's end it is no verdict: ``standing`` says so.
        if reply.severity == .intermediate, step != .data { return violate("a reply that decides nothing", reply) }
        guard !hasMore || mayHaveMore(reply) else {
            return violate("a reply with another behind it that nobody asked for", reply)
        }
        switch step {
        case .mail: return answerToMail(reply)
        case .recipient(let index): return answerToRecipient(index, reply)
        case .data: return answerToData(reply)
        case .sending: return answerToUnfinishedContent(reply)
        case .verdict:
            decide(reply, .content)
            return finish()
        case .emptyContent: return finish()
        case .over: return violate("a reply behind the end of a transaction", reply)
        }
    }

    /// Whether what stands behind this reply can answer something that was said: not, where the next thing said, be it the
    /// content, would get its answer in advance. What ends the mail stands whatever follows.
    private func mayHaveMore(_ reply: Reply) -> Bool {
        switch step {
        case .mail, .recipient: capabilities.pipelining
        case .data: reply.severity != .intermediate
        case .sending, .verdict, .emptyContent, .over: true
        }
    }

    private mutating func answerToMail(_ reply: Reply) -> [ClientSession.Action] {
        if !reply.isPositive { mailRefusal = reply }
        step = transaction.recipients.isEmpty ? .data : .recipient(0)
        if capabilities.pipelining { return [] }
        if mailRefusal != nil { return finish() }
        return sendRecipient(0)
    }

    private mutating func answerToRecipient(_ index: Int, _ reply: Reply) -> [ClientSession.Action] {
        if !reply.isPositive { results[index] = RecipientReply(reply: reply, phase: .recipient) }
        let next = index + 1
        step = next < results.count ? .recipient(next) : .data
        if capabilities.pipelining { return [] }
        if next < results.count { return sendRecipient(next) }
        if !hasAccepted {
            needsReset = true
            return finish()
        }
        return [.send(ClientSession.line("DATA"))]
    }

    private mutating func answerToData(_ reply: Reply) -> [ClientSession.Action] {
        switch reply.severity {
        case .intermediate where reply.code == 354: return mayProceed(reply)
        case .positive, .intermediate: return violate("DATA is answered by neither 354 nor a refusal", reply)
        case .transient, .permanent:
            needsReset = mailRefusal == nil
            decide(reply, .data)
            return finish()
        }
    }

    private mutating func mayProceed(_ reply: Reply) -> [ClientSession.Action] {
        guard mailRefusal != nil || !hasAccepted else {
            step = .sending
            return [.sendContent]
        }
        // An empty content would be delivered to those the server has taken.
        if hasAccepted { return closed(by: reply, .violation("it refuses MAIL and takes RCPT and DATA: \(reply)")) }
        step = .emptyContent
        return [.send([0x2E, 0x0D, 0x0A])]
    }

    /// The content is out with its end: the next reply is the verdict.
    mutating func contentSent() {
        if step == .sending { step = .verdict }
    }

    /// A refusal counts, but what the server makes of the rest of the content is unknown: nothing else may follow it.
    private mutating func answerToUnfinishedContent(_ reply: Reply) -> [ClientSession.Action] {
        if reply.isPositive { return violate("a reply in front of the content's end", reply) }
        decide(reply, .content)
        return finish() + [.fail(.earlyReply(reply))]
    }

    /// 421, or another end that the server chose: whoever has no verdict yet gets this reply. Where it has said nothing
    /// else on this mail, the connection is at fault and not the mail.
    mutating func closed(by reply: Reply, _ failure: ClientFailure) -> [ClientSession.Action] {
        if step == .mail { return [.fail(failure)] }
        decide(mailRefusal ?? reply, mailRefusal == nil ? phase : .mail)
        return finish() + [.fail(failure)]
    }

    // MARK: Ends

    private var hasAccepted: Bool { results.contains { $0 == nil } }

    private func sendRecipient(_ index: Int) -> [ClientSession.Action] {
        [.send(ClientSession.line("RCPT TO:<\(transaction.recipients[index])>"))]
    }

    private func violate(_ what: String, _ reply: Reply) -> [ClientSession.Action] {
        [.fail(.violation("\(what): \(reply)"))]
    }

    private mutating func decide(_ reply: Reply, _ phase: DialoguePhase) {
        for index in results.indices where results[index] == nil {
            results[index] = RecipientReply(reply: reply, phase: phase)
        }
    }

    private mutating func finish() -> [ClientSession.Action] {
        step = .over
        let refusal = mailRefusal ?? Reply(451, EnhancedStatusCode(4, 5, 0), "The upstream gave no verdict")
        let all = results.map { result in
            mailRefusal.map { RecipientReply(reply: $0, phase: .mail) }
                ?? result ?? RecipientReply(reply: refusal, phase: .data)
        }
        return [.finished(all)]
    }
}
