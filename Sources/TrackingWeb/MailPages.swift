import HTTPTypes
import Hummingbird
import NIOCore
import TrackingEvents

/// Mails: the list, and everything about one.
struct MailPages {
    let console: Console

    func list(_ request: Request) async throws -> Response {
        let query = Query(request)
        var filter = MailFilter()
        filter.tag = query.tag
        filter.recipient = query["recipient"]
        filter.before = query["before"].flatMap { MailCursor($0) }
        // An id leads straight to its mail.
        if let text = filter.recipient, !text.contains("@"), let detail = try await console.services.events.mail(text) {
            return Response(status: .seeOther, headers: [.location: "/messages/\(detail.mail.message)"])
        }
        let mails = try await console.services.events.mails(filter)
        let same = [("recipient", filter.recipient), ("tag", query["tag"])].compactMap { name, value in
            value.map { "\(name)=\(Query.encode($0))" }
        }
        var values: [String: Any] = [
            "recipient": filter.recipient ?? "", "tag": query["tag"] ?? "", "isSearch": !same.isEmpty,
            "mails": mails.map(Self.row),
        ]
        if mails.count == filter.limit, let end = mails.last {
            values["older"] = "/messages?" + (same + ["before=\(MailCursor(end))"]).joined(separator: "&")
        }
        values["exports"] = Export.links("/api/v1/messages?" + (same + ["limit=1000"]).joined(separator: "&"))
        return console.render("messages", request, title: "Mails", current: "/messages", values)
    }

    private static func row(_ mail: StoredMail) -> [String: Any] {
        [
            "time": LocalTime.string(mail.time), "message": mail.message, "queueID": mail.queueID, "tag": mail.tag,
            "untracked": mail.untracked, "from": mail.fromDomain, "subject": mail.subject,
            "recipients": "\(mail.recipients)", "sent": "\(mail.sent)",
            "deferred": "\(mail.deferred)", "failed": "\(mail.failed)", "opened": "\(mail.opened)",
            "clicked": "\(mail.clicked)",
        ].filter { !$0.value.isEmpty }
    }

    func mail(_ request: Request, _ id: String) async throws -> Response {
        let services = console.services
        guard let detail = try await services.events.mail(id) else {
            return console.problem(
                request, "No such mail", "No mail of this id is known here; it may be older than what is kept.",
                status: .notFound)
        }
        let mail = detail.mail
        let isQueued = try await services.queue.entry(mail.queueID) != nil
        var values: [String: Any] = [
            "message": mail.message, "facts": facts(mail), "isQueued": isQueued, "copies": detail.copies.map(copy),
            "timeline": timeline(detail), "recipient": "0",
        ]
        if let source = await services.source(mail.message, mail.queueID) {
            values["hasSource"] = true
            values["report"] = source.report
            values["hasHTML"] = source.originalHTML != nil
        } else {
            values["noSource"] =
                "The text of this mail is not kept any more. A mail's text leaves with its delivery, "
                + "unless keep-source in relay.conf says how long to keep it."
        }
        values["exports"] = [["href": "/api/v1/messages/\(mail.message)", "name": "JSON"]]
        var response = console.render("message", request, title: "Mail \(mail.queueID)", current: "/messages", values)
        // The frames show mails and go nowhere else: a click in one must not become a reader's.
        let host = request.head.authority ?? ""
        let isHost =
            !host.isEmpty
            && host.utf8.allSatisfy {
                "-.:[]".utf8.contains($0) || UnicodeScalar($0).properties.isAlphabetic || 0x30...0x39 ~= $0
            }
        let frames = isHost ? "\(host)/messages/" : "'none'"
        response.headers[.contentSecurityPolicy] = ConsoleAccess.contentSecurityPolicy + "; frame-src \(frames)"
        return response
    }

    private func facts(_ mail: StoredMail) -> [[String: String]] {
        let tracked =
            mail.untracked.isEmpty
            ? "yes" : "no: " + (console.services.sentences[mail.untracked] ?? mail.untracked)
        let facts: [(String, String)] = [
            ("Accepted", LocalTime.string(mail.time)), ("Tag", mail.tag.isEmpty ? "none" : mail.tag),
            ("To be tracked", tracked), ("From domain", mail.fromDomain), ("Subject", mail.subject),
            ("Privacy", mail.privacy), ("Queue id", mail.queueID), ("Message id in tokens", mail.message),
        ]
        return facts.filter { !$0.1.isEmpty }.map { ["name": $0.0, "value": $0.1] }
    }

    private func copy(_ copy: StoredCopy) -> [String: Any] {
        let opened = copy.opened.map { LocalTime.string($0) + (copy.isOpenInferred ? " (inferred)" : "") } ?? ""
        let address = copy.address.isEmpty ? "(not kept)" : copy.address
        return [
            "number": copy.recipient.map(String.init) ?? "–",
            "address": copy.sharedBy.map { "one copy for \($0 > 0 ? "\($0)" : "several")" } ?? address,
            "status": copy.status, "delivered": copy.delivered.map { LocalTime.string($0) } ?? "",
            "opened": opened,
            "clicked": copy.clicked.map { LocalTime.string($0) } ?? "",
        ]
    }

    private func timeline(_ detail: StoredMailDetail) -> [[String: Any]] {
        let accepted: [String: Any] = [
            "time": LocalTime.string(detail.mail.time), "what": "accepted", "class": "accepted",
            "detail": "as \(detail.mail.queueID)",
        ]
        return [accepted] + detail.events.map { EventView($0).values }
    }

    // MARK: Source

    private func source(_ id: String) async throws -> MailSource {
        guard let detail = try await console.services.events.mail(id),
            let source = await console.services.source(detail.mail.message, detail.mail.queueID)
        else { throw HTTPError(.notFound) }
        return source
    }

    /// The octets as text: whatever they are, a browser must not take them for a page.
    func text(_ id: String, isSent: Bool) async throws -> Response {
        let source = try await source(id)
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/plain; charset=utf-8", .contentSecurityPolicy: "default-src 'none'; sandbox",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: isSent ? source.sent : source.original)))
    }

    /// The HTML for a sandboxed frame: no scripts, no forms, and nothing is fetched, so that looking is no open.
    func html(_ id: String, isSent: Bool) async throws -> Response {
        let source = try await source(id)
        guard let html = isSent ? source.sentHTML : source.originalHTML else { throw HTTPError(.notFound) }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .contentSecurityPolicy:
                    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }
}
