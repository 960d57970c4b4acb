/// MAIL, RCPT, DATA and content as one value: pipelined where the server can (RFC 2920), else in lock-step.
struct ClientTransaction: Sendable {
    private enum Step: Sendable, Hashable {
        case mail
        case recipient(Int)
        case data
        case content
        /// The empty content of a DATA that a server took although it refused every recipient (RFC 2920 §3.1).
        case emptyContent
        case over
    }

    private let transaction: Transaction
    private let capabilities: ServerCapabilities
    private var step = Step.mail
    private var mailRefusal: Reply?
    private var results: [RecipientReply?]

    init(_ transaction: Transaction, capabilities: ServerCapabilities) {
        self.transaction = transaction
        self.capabilities = capabilities
        results = Array(repeating: nil, count: transaction.recipients.count)
    }

    var isOver: Bool { step == .over }
    /// Whether the server still holds an open transaction.
    private(set) var needsReset = false
    var awaitsVerdict: Bool { step == .content }

    var phase: DialoguePhase {
        switch step {
        case .mail: .mail
        case .recipient: .recipient
        case .data: .data
        case .content, .emptyContent, .over: .content
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

    /// The server closes: whoever has no verdict yet gets this one.
    mutating func closed(by reply: Reply) -> [RecipientReply] {
        let phase = phase
        step = .over
        return results.map { $0 ?? RecipientReply(reply: reply, phase: phase == .content ? .content : phase) }
    }

    mutating func receive(_ reply: Reply) -> [ClientSession.Action] {
        switch step {
        case .mail:
            if !reply.isPositive { mailRefusal = reply }
            step = transaction.recipients.isEmpty ? .data : .recipient(0)
            if capabilities.pipelining { return [] }
            if mailRefusal != nil { return finish() }
            return sendRecipient(0)
        case .recipient(let index):
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
        case .data: return answerToData(reply)
        case .content:
            for index in results.indices where results[index] == nil {
                results[index] = RecipientReply(reply: reply, phase: .content)
            }
            return finish()
        case .emptyContent: return finish()
        case .over: return [.fail(.violation("a reply behind the end of a transaction"))]
        }
    }

    private mutating func answerToData(_ reply: Reply) -> [ClientSession.Action] {
        let proceeds = reply.code == 354
        if mailRefusal != nil || !hasAccepted {
            guard proceeds else {
                needsReset = mailRefusal == nil
                return finish()
            }
            step = .emptyContent
            return [.send([0x2E, 0x0D, 0x0A])]
        }
        guard proceeds else {
            for index in results.indices where results[index] == nil {
                results[index] = RecipientReply(reply: reply, phase: .data)
            }
            needsReset = true
            return finish()
        }
        step = .content
        return [.sendContent]
    }

    private var hasAccepted: Bool { results.contains { $0 == nil } }

    private func sendRecipient(_ index: Int) -> [ClientSession.Action] {
        [.send(ClientSession.line("RCPT TO:<\(transaction.recipients[index])>"))]
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
