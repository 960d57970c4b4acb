import Hummingbird
import TrackingEvents

/// What waits, why, and what can be done about it.
struct QueuePage {
    private static let limit = 100

    let console: Console

    func page(_ request: Request) async throws -> Response {
        let services = console.services
        let mails: [QueueEntry]
        do {
            mails = try await services.queue.list(after: Query(request)["after"], limit: Self.limit)
        } catch is QueueCursorError {
            mails = try await services.queue.list(after: nil, limit: Self.limit)
        }
        let count = try await services.queue.count()
        let troubled = try await services.queue.troubled()
        let now = services.now()
        var values: [String: Any] = [
            "summary": Self.summary(count, troubled), "hasAny": count > 0,
            "mails": mails.map { row($0, now: now) },
        ]
        if let notice = Self.notice(Query(request)["done"]) { values["notice"] = notice }
        if mails.count == Self.limit, let last = mails.last { values["next"] = "/queue?after=\(last.id)" }
        values["exports"] = Export.links("/api/v1/queue?limit=1000")
        return console.render("queue", request, title: "Queue", current: "/queue", values)
    }

    private func row(_ mail: QueueEntry, now: Int64) -> [String: Any] {
        let shown = mail.recipients.filter { $0.state == (mail.failed ? "failed" : "waiting") }
        let more = shown.count > 3 ? " and \(shown.count - 3) more" : ""
        return [
            "id": mail.id, "arrival": LocalTime.string(mail.arrival), "from": mail.from.isEmpty ? "<>" : mail.from,
            "to": shown.prefix(3).map(\.address).joined(separator: ", ") + more, "tag": mail.tag,
            "octets": Count.octets(mail.octets), "state": Self.state(mail, now: now), "isHeld": mail.held,
            "class": mail.damaged || mail.failed ? "state-bad" : mail.held ? "state-warning" : "state-unknown",
            "reason": Self.reason(mail, shown.map(\.lastReply).first { !$0.isEmpty }),
        ]
    }

    static func summary(_ count: Int, _ troubled: (failed: Int, damaged: Int)) -> String {
        let waiting = max(0, count - troubled.failed - troubled.damaged)
        var text =
            waiting == 0
            ? "No mail waits." : waiting == 1 ? "One mail waits." : "\(Count.text(Int64(waiting))) mails wait."
        if troubled.failed > 0 {
            text += " \(Count.text(Int64(troubled.failed))) failed and \(troubled.failed == 1 ? "is" : "are") kept."
        }
        if troubled.damaged > 0 {
            text += " \(Count.text(Int64(troubled.damaged))) \(troubled.damaged == 1 ? "is" : "are") damaged and kept."
        }
        return text
    }

    private static func state(_ mail: QueueEntry, now: Int64) -> String {
        if mail.damaged { return "damaged" }
        if mail.failed { return "failed" }
        if mail.held { return "held" }
        return mail.nextAttempt <= now ? "due" : "until \(LocalTime.string(mail.nextAttempt))"
    }

    private static func reason(_ mail: QueueEntry, _ reply: String?) -> String {
        if mail.damaged { return "it cannot be read back whole; it is kept and not sent. Retry reads it again" }
        let attempts = "\(mail.attempts) \(mail.attempts == 1 ? "attempt" : "attempts")"
        if mail.failed { return "\(attempts); it is kept until you retry or delete it; \(reply ?? "no reply")" }
        return "\(attempts); \(reply ?? (mail.held ? "a sysadmin holds it" : "not tried yet"))"
    }

    func act(_ request: Request, _ id: String, _ name: String) async throws -> Response {
        let form = try await Form(request)
        guard console.access.isGoodForm(form["csrf"], request) else { return console.formExpired(request) }
        guard let action = QueueAction(rawValue: name), id != "all" || action != .delete else {
            throw HTTPError(.notFound)
        }
        let done: Int
        do {
            done = try await console.services.queue.perform(action, id == "all" ? nil : id)
        } catch {
            return console.problem(request, "Not available now", "\(error)", status: .serviceUnavailable)
        }
        return Response(status: .seeOther, headers: [.location: "/queue?done=\(name)-\(done)"])
    }

    /// What was done, from the address: an action and a number, and nothing that somebody else could put there.
    private static func notice(_ text: String?) -> String? {
        let halves = (text ?? "").split(separator: "-")
        guard halves.count == 2, let action = QueueAction(rawValue: String(halves[0])), let count = Int(halves[1])
        else {
            return nil
        }
        if count == 0 { return "Nothing was done: the mail is gone." }
        let words: String =
            switch action {
            case .retry: "released and due now"
            case .hold: "held"
            case .release: "released"
            case .delete: "deleted"
            }
        return "\(count) \(count == 1 ? "mail" : "mails") \(words)."
    }
}
