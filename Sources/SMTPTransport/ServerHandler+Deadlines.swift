import NIOCore
import SMTPProtocol

extension ServerHandler {
    /// Looks at the clock until the connection ends.
    func watchDeadlines(_ context: ChannelHandlerContext) {
        watch = context.eventLoop.assumeIsolated().scheduleTask(in: options.deadlines.tick) { [self] in
            checkDeadlines(context)
            if context.channel.isActive { watchDeadlines(context) }
        }
    }

    private func checkDeadlines(_ context: ChannelHandlerContext) {
        let now = NIODeadline.now()
        let deadlines = options.deadlines
        switch phase {
        case .handshake:
            guard now - phaseStart > deadlines.handshake else { return }
            summary.end = "TLS handshake too slow"
            cut(context)
        case .goodbye:
            if now - phaseStart > deadlines.goodbye { cut(context) }
        case .verdict:
            guard now - phaseStart > deadlines.verdict else { return }
            // The client will send the mail again: what has not begun to be taken must not be taken any more.
            judgement?.cancel()
            sendAway(context, "no verdict in time; try again later")
        case .silence: break
        case .commands, .content:
            if let complaint = complaint(now) { sendAway(context, complaint) }
        }
    }

    /// What the client does too slowly.
    private func complaint(_ now: NIODeadline) -> String? {
        let deadlines = options.deadlines
        if now - lastActivity > deadlines.idle { return "idle too long" }
        if now - lastFinished > deadlines.transaction {
            return "no message in \(deadlines.transaction.nanoseconds / 1_000_000_000) seconds"
        }
        return phase.content?.isSlow(deadlines, at: now) == true ? "content too slow" : nil
    }

    private func sendAway(_ context: ChannelHandlerContext, _ complaint: String) {
        summary.end = complaint
        reply(Reply(421, EnhancedStatusCode(4, 4, 2), "Closing: \(complaint)"))
        finish(context)
    }
}
