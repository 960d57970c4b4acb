import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Tracking
import TrackingEvents

/// `/api/v1`: what the console shows, for programs; openapi.json describes it.
struct ConsoleAPI {
    private static let maximumRows = 1_000

    let services: ConsoleServices

    func addRoutes(to group: RouterGroup<WebContext>) {
        let specification = ByteBuffer(bytes: PackageResources.openapi_json)
        group.get("/api/v1/openapi.json") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: specification))
        }
        get(group, "/api/v1/tags") { _, _ in try await tags() }
        get(group, "/api/v1/stats") { request, _ in try await stats(request) }
        get(group, "/api/v1/messages") { request, _ in try await messages(request) }
        get(group, "/api/v1/messages/{id}") { _, context in
            guard let detail = try await services.events.mail(Self.id(context)) else { throw HTTPError(.notFound) }
            return try Self.json(detail)
        }
        get(group, "/api/v1/events") { request, _ in try await events(request) }
        get(group, "/api/v1/queue") { request, _ in try await queue(request) }
        get(group, "/api/v1/queue/{id}") { _, context in
            guard let entry = try await services.queue.entry(Self.id(context)) else { throw HTTPError(.notFound) }
            return try Self.json(entry)
        }
        for action in [QueueAction.retry, .hold, .release] {
            let path: RouterPath = "/api/v1/queue/{id}/\(action.rawValue)"
            group.post(path) { _, context in await act(action, Self.id(context)) }
        }
        group.delete("/api/v1/queue/{id}") { _, context in await act(.delete, Self.id(context)) }
    }

    /// What an address takes, as its 405 says (RFC 9110 §15.5.6); `nil` for an address that is not there.
    static func allowedMethods(_ path: String) -> [HTTPRequest.Method]? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return methods.first { pattern, _ in
            let pieces = pattern.split(separator: "/", omittingEmptySubsequences: false)
            return pieces.count == parts.count
                && zip(pieces, parts).allSatisfy { $0 == "{id}" ? !$1.isEmpty : $0 == $1 }
        }?.1
    }

    /// The answer to what no route takes.
    static func refusal(_ request: Request) -> Response {
        guard let allowed = allowedMethods(request.uri.path) else {
            return APIError.response(.notFound, "there is nothing at this address")
        }
        var response = APIError.response(
            .methodNotAllowed, "this address does not take \(request.method.rawValue.prefix(40))")
        response.headers[.allow] = allowed.map(\.rawValue).joined(separator: ", ")
        return response
    }

    private static let methods: [(String, [HTTPRequest.Method])] =
        ["openapi.json", "tags", "stats", "messages", "messages/{id}", "events", "queue"].map {
            ("/api/v1/\($0)", [.get, .head])
        }
        + [("/api/v1/queue/{id}", [.get, .head, .delete])]
        + ["retry", "hold", "release"].map { ("/api/v1/queue/{id}/\($0)", [.post]) }

    private static func id(_ context: WebContext) -> String { context.parameters.get("id") ?? "" }

    /// A request that says what is wrong with it.
    private struct BadRequest: Error { let sentence: String }

    private func get(
        _ group: RouterGroup<WebContext>, _ path: RouterPath,
        _ body: @escaping @Sendable (Request, WebContext) async throws -> Response
    ) {
        group.get(path) { request, context in
            do {
                return try await body(request, context)
            } catch let error as BadRequest {
                return APIError.response(.badRequest, error.sentence)
            } catch let error as QueueCursorError {
                return APIError.response(.badRequest, error.description)
            } catch let error as HTTPError {
                return APIError.response(error.status, "there is nothing of this id")
            } catch {
                return APIError.response(.serviceUnavailable, "\(error)")
            }
        }
    }

    // MARK: Parameters

    private struct Parameters {
        let request: Request

        /// A text of one to so many characters.
        func text(_ name: String, upTo limit: Int = 128) throws -> String? {
            guard let value = request.uri.queryParameters[Substring(name)] else { return nil }
            guard !value.isEmpty, value.unicodeScalars.count <= limit else {
                throw BadRequest(sentence: "\(name) must have 1 to \(limit) characters")
            }
            return String(value)
        }

        /// A tag; `-` stands for mail without one.
        func tag() throws -> String? { try text("tag").map { $0 == "-" ? "" : $0 } }

        func number(_ name: String, in range: ClosedRange<Int64>) throws -> Int64? {
            guard let text = try text(name) else { return nil }
            guard let value = Int64(text), range.contains(value) else {
                throw BadRequest(
                    sentence: "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }

        func limit() throws -> Int {
            Int(try number("limit", in: 1...Int64(ConsoleAPI.maximumRows)) ?? 100)
        }

        func day(_ name: String) throws -> Int64? {
            guard let text = try text(name) else { return nil }
            guard let day = LocalTime.day(text) else {
                throw BadRequest(sentence: "\(name) must be a day such as 2026-11-24")
            }
            return day
        }

        func word<Word: RawRepresentable & CaseIterable>(_ name: String, _ type: Word.Type) throws -> Word?
        where Word.RawValue == String {
            guard let text = try text(name) else { return nil }
            guard let word = Word(rawValue: text) else {
                let all = Word.allCases.map(\.rawValue).joined(separator: ", ")
                throw BadRequest(sentence: "\(name) must be one of \(all)")
            }
            return word
        }

        enum Format: String, CaseIterable { case json, csv }
        enum Kind: String, CaseIterable { case open, click, delivery }

        func isCSV() throws -> Bool { try word("format", Format.self) == .csv }
    }

    // MARK: Answers

    private func tags() async throws -> Response {
        struct Tag: Encodable {
            let tag: String
            let configured: Bool
            let policy: [PolicyLine]
        }
        let policies = services.policies()
        let names = Set(try await services.events.tags()).union(policies.keys)
        let tags = names.sorted().map {
            Tag(tag: $0, configured: policies[$0] != nil, policy: policies[$0] ?? [])
        }
        return try Self.json(["tags": tags])
    }

    private func stats(_ request: Request) async throws -> Response {
        let parameters = Parameters(request: request)
        let today = LocalTime.day(of: services.now())
        let from = try parameters.day("from") ?? today
        let to = try parameters.day("to") ?? max(today, from)
        guard from <= to, LocalTime.day(from, plus: 3_660) >= to else {
            throw BadRequest(sentence: "from must not be behind to, nor more than ten years in front of it")
        }
        let granularity = try parameters.word("granularity", Granularity.self) ?? .day
        let tag = try parameters.tag()
        let start = LocalTime.start(of: from)
        let end = LocalTime.start(of: LocalTime.day(to, plus: 1))
        if granularity != .day, from < LocalTime.day(today, plus: -7) {
            throw BadRequest(sentence: "minutes and hours are kept for eight days, today included; ask for days")
        }
        let byTag = try await services.events.daily(from: from, to: to).filter { tag == nil || $0.key == tag }
        let steps = try await services.events.series(tag: tag, from: start, to: end, granularity)
        let total = byTag.values.reduce(into: Figures()) { $0 += $1 }
        if try parameters.isCSV() {
            func rate(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
            let names = ["time"] + Figure.allCases.map(\.jsonName) + ["openRate", "clickRate"]
            return Self.csv(
                "stats", names,
                steps.map { step in
                    [LocalTime.string(step.time)] + Figure.allCases.map { "\(step.figures[$0])" }
                        + [rate(step.figures.openRate), rate(step.figures.clickRate)]
                })
        }
        var text = "{\"from\":\"\(LocalTime.string(day: from))\",\"to\":\"\(LocalTime.string(day: to))\","
        text += "\"granularity\":\"\(granularity.rawValue)\",\"total\":\(total.json),\"tags\":{"
        text += byTag.sorted { $0.key < $1.key }.map { "\(JSONText.quoted($0.key)):\($0.value.json)" }.joined(
            separator: ",")
        text += "},\"steps\":["
        text += steps.map { "{\"time\":\($0.time),\($0.figures.json.dropFirst())" }.joined(separator: ",")
        return Self.response(text + "]}\n")
    }

    private func messages(_ request: Request) async throws -> Response {
        let parameters = Parameters(request: request)
        var filter = MailFilter()
        filter.limit = try parameters.limit()
        filter.before = try parameters.text("before").map { text in
            guard let cursor = MailCursor(text) else {
                throw BadRequest(sentence: "before must be a time in milliseconds, or the `next` of an answer")
            }
            return cursor
        }
        filter.tag = try parameters.tag()
        filter.recipient = try parameters.text("recipient", upTo: 320)
        let mails = try await services.events.mails(filter)
        struct Page: Encodable {
            let messages: [StoredMail]
            let next: String?
        }
        guard try parameters.isCSV() else {
            let next = mails.count == filter.limit ? mails.last.map { "\(MailCursor($0))" } : nil
            return try Self.json(Page(messages: mails, next: next))
        }
        return Self.csv(
            "messages",
            [
                "time", "message", "queueID", "tag", "fromDomain", "subject", "untracked", "privacy", "recipients",
                "sent", "deferred", "failed", "opened", "clicked",
            ],
            mails.map {
                [
                    LocalTime.string($0.time), $0.message, $0.queueID, $0.tag, $0.fromDomain, $0.subject, $0.untracked,
                    $0.privacy, "\($0.recipients)", "\($0.sent)", "\($0.deferred)", "\($0.failed)", "\($0.opened)",
                    "\($0.clicked)",
                ]
            })
    }

    private func events(_ request: Request) async throws -> Response {
        let parameters = Parameters(request: request)
        var filter = EventFilter()
        filter.after = try parameters.number("after", in: 0...Int64.max) ?? 0
        filter.since = try parameters.number("since", in: 0...Int64.max) ?? 0
        filter.limit = try parameters.limit()
        filter.tag = try parameters.tag()
        filter.kind = try parameters.word("kind", Parameters.Kind.self)?.rawValue
        let events = try await services.events.events(filter)
        if try parameters.isCSV() {
            return Self.csv(
                "events",
                [
                    "sequence", "time", "kind", "result", "message", "queueID", "tag", "recipient", "address", "link",
                    "url", "evidence", "client", "agent", "upstream", "reply", "passedThrough", "sharedBy",
                ],
                events.map {
                    [
                        "\($0.sequence)", LocalTime.string($0.time), $0.kind, $0.result, $0.message, $0.queueID ?? "",
                        $0.tag ?? "", $0.recipient.map(String.init) ?? "", $0.address ?? "",
                        $0.link.map(String.init) ?? "", $0.url, $0.evidence, $0.client, $0.agent, $0.upstream, $0.reply,
                        $0.passedThrough, $0.sharedBy.map(String.init) ?? "",
                    ]
                })
        }
        struct Page: Encodable {
            let events: [StoredEvent]
            let next: Int64
        }
        return try Self.json(Page(events: events, next: events.last?.sequence ?? filter.after))
    }

    private func queue(_ request: Request) async throws -> Response {
        let parameters = Parameters(request: request)
        let mails = try await services.queue.list(
            after: try parameters.text("after", upTo: 64), limit: try parameters.limit())
        guard try parameters.isCSV() else {
            struct Page: Encodable {
                let count: Int
                let queue: [QueueEntry]
            }
            return try Self.json(Page(count: try await services.queue.count(), queue: mails))
        }
        return Self.csv(
            "queue",
            [
                "id", "arrival", "nextAttempt", "expires", "upstream", "from", "tag", "octets", "attempts", "held",
                "damaged", "recipients", "failed",
            ],
            mails.map { mail in
                [
                    mail.id, LocalTime.string(mail.arrival), LocalTime.string(mail.nextAttempt),
                    LocalTime.string(mail.expires),
                    mail.upstream, mail.from, mail.tag,
                    "\(mail.octets)", "\(mail.attempts)", "\(mail.held)", "\(mail.damaged)",
                    mail.recipients.map { "\($0.address) \($0.state) \($0.lastReply)" }.joined(separator: "; "),
                    "\(mail.failed)",
                ]
            })
    }

    private func act(_ action: QueueAction, _ id: String) async -> Response {
        do {
            let count = try await services.queue.perform(action, id)
            guard count > 0 else { return APIError.response(.notFound, "\(id.prefix(40)) is not in the queue") }
            return Self.response("{\"done\":\(count)}\n")
        } catch {
            return APIError.response(.serviceUnavailable, "\(error)")
        }
    }

    // MARK: Shapes

    private static func json(_ value: some Encodable) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return response(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
    }

    private static func response(_ text: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private static func csv(_ name: String, _ columns: [String], _ rows: [[String]]) -> Response {
        let lines = ([columns] + rows).map { $0.map(CSVText.cell).joined(separator: ",") + "\r\n" }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8",
                .contentDisposition: "attachment; filename=\"tracerelay-\(name).csv\"",
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: lines.joined())))
    }
}

enum CSVText {
    /// A cell (RFC 4180 §2); what a spreadsheet would take for a formula is made a text.
    static func cell(_ text: String) -> String {
        let first = text.utf8.first ?? 0
        let isFormula = "=+-@\t\r".utf8.contains(first) && Double(text) == nil
        let safe = (isFormula ? "'" : "") + text
        guard safe.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return safe }
        // By octets: a quote and a combining mark are one grapheme.
        let doubled = safe.utf8.flatMap { $0 == UInt8(ascii: "\"") ? [$0, $0] : [$0] }
        return "\"" + String(decoding: doubled, as: UTF8.self) + "\""
    }
}

extension Figure {
    /// Its name in JSON.
    var jsonName: String { "\(self)" }
}

extension Figures {
    /// A JSON object with all figures and the rates.
    var json: String {
        func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "null" }
        let counts = Figure.allCases.map { "\"\($0.jsonName)\":\(self[$0])" }.joined(separator: ",")
        return "{\(counts),\"openRate\":\(number(openRate)),\"clickRate\":\(number(clickRate))}"
    }
}
