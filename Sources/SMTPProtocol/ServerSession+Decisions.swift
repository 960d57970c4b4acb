extension ServerSession {
    mutating func ask(_ question: Question) -> [Action] {
        state = .asking(question)
        return [.ask(question)]
    }

    /// Takes the owner's decision on the last ``Action/ask(_:)``.
    public mutating func answer(_ verdict: Verdict) -> [Action] {
        guard case .asking(let question) = state else { return [] }
        state = .command
        let reply: Reply
        switch verdict {
        case .accept: reply = usual(question)
        case .reply(let given): reply = given
        case .disconnect(let given):
            envelope = nil
            return close(given)
        case .hangUp:
            state = .closed
            return [.close]
        }
        if reply.isPositive { accept(question) }
        if case .message = question { envelope = nil }
        if case .credentials = question, !reply.isPositive { return refuseCredentials(reply) }
        return [.reply(reply)]
    }

    private mutating func accept(_ question: Question) {
        switch question {
        case .mail(let path, let parameters): envelope = Envelope(reversePath: path, parameters: parameters)
        case .recipient(let path): envelope?.recipients.append(path)
        case .credentials(let credentials): authenticatedUser = credentials.username
        case .message: break
        }
    }

    private func usual(_ question: Question) -> Reply {
        switch question {
        case .mail: Reply(250, EnhancedStatusCode(2, 1, 0), settings.dialect.text("Ok", directMail: "Mail Ok"))
        case .recipient: Reply(250, EnhancedStatusCode(2, 1, 5), settings.dialect.text("Ok", directMail: "Rcpt Ok"))
        case .credentials: Reply(235, EnhancedStatusCode(2, 7, 0), "Authentication successful")
        case .message: Reply(250, EnhancedStatusCode(2, 0, 0), settings.dialect.text("Ok", directMail: "Data Ok"))
        }
    }

    /// The content has ended: asks for the verdict, or says itself what is wrong with it.
    public mutating func contentFinished(_ end: ContentEnd) -> [Action] {
        guard state == .content, let envelope else { return [] }
        switch end {
        case .complete: return ask(.message(envelope))
        case .tooBig: return refuseContent(tooBig)
        case .bareNewline:
            return refuseContent(
                Reply(550, EnhancedStatusCode(5, 5, 2), "A CR or LF stands alone; lines must end with CR LF"))
        }
    }

    /// The content was refused while it came: the reply goes out in place of a verdict.
    public mutating func refuseContent(_ reply: Reply) -> [Action] {
        guard state == .content else { return [] }
        state = .command
        envelope = nil
        return [.reply(reply)]
    }
}
